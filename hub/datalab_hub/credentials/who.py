"""Whom a credential is for."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_DIGEST_CHARS = 20  # 80 bits: names are not secrets, collisions cannot be searched for in time
_AWS_CHARS = 64


@dataclass(frozen=True)
class Workspace:
    """One run of a person's workspace.

    Attributes:
        run: the number of this run in the usage ledger; another start has another.
        groups: the person's groups at this moment.
    """

    user: str
    server: str
    run: int
    groups: frozenset[str]


def aws_name(user: str) -> str:
    """Return a person's name for ``RoleSessionName``, ``SourceIdentity`` and session tags.

    AWS wants 2 to 64 of ``[A-Za-z0-9_+=,.@-]``. Injective: what is not a plain letter, digit or
    one of ``_.@-`` becomes ``=XX`` for each byte; one that would be too long is cut and carries a
    digest behind ``=-``, and one of a single character gets a ``=`` at its end, neither of which
    an escape produces.
    """
    text = re.sub(
        r"[^A-Za-z0-9_.@-]",
        lambda match: "".join(f"={byte:02X}" for byte in match[0].encode()),
        user,
    )
    if len(text) > _AWS_CHARS:
        digest = hashlib.sha256(user.encode()).hexdigest()[:_DIGEST_CHARS]
        return f"{text[: _AWS_CHARS - _DIGEST_CHARS - 2]}=-{digest}"
    return text if len(text) > 1 else f"{text}="
