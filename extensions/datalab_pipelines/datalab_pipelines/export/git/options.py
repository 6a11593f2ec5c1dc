"""What a person may choose about git."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class GitOptions:
    """How an export is committed.

    ``branch``: ``datalab/export-<name>`` when empty. ``message``: the first line of the commit's.
    ``switch``: check the branch out afterwards. ``pull_request`` pushes too. ``remote``: where git
    would push, when empty. ``base``: the branch that a pull request goes into, the repository's
    default when empty. ``host``: the GitHub Enterprise host that may be shown the token for it
    (``GH_HOST``). ``conflicts``: what happens where a person and the new export changed the same
    lines.
    """

    branch: str = ""
    message: str = ""
    switch: bool = False
    push: bool = False
    pull_request: bool = False
    remote: str = ""
    base: str = ""
    host: str = ""
    conflicts: Literal["stop", "mine", "generated"] = "stop"
