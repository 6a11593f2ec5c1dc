"""Names on platforms: injective, so that two people never share a resource (CVE-2020-15110)."""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from urllib.parse import quote

_DIGEST_CHARS = 26  # 130 bits in base32: collisions cannot be searched for
_SLUG_CHARS = 20
_PATH_CHARS = 150


def person_key(user: str) -> str:
    """Return the name of what a person has once on a platform, such as the volume of their home.

    As :func:`workspace_key`, and never the same as one: those have a separator in what is hashed.
    """
    return _key(user, user)


def workspace_key(user: str, server: str) -> str:
    """Return the name of a workspace's resources on its platform.

    Lowercase letters, digits and ``-``; starts with a letter; at most 50 characters, so that it
    fits DNS labels (63) with room for a prefix or suffix; recomputable at any time from the same
    two names.

    The readable part is for people only; the digest alone makes the name unique. Its input has a
    separator that neither name can contain (JupyterHub refuses ``/`` in both).
    """
    return _key(f"{user}/{server}", f"{user} {server}")


def _key(unique: str, readable: str) -> str:
    digest = hashlib.sha256(unique.encode()).digest()
    tail = b32encode(digest).decode().lower()[:_DIGEST_CHARS]
    slug = re.sub(r"[^a-z0-9]+", "-", readable.lower())[:_SLUG_CHARS].strip("-")
    return f"dl-{slug}-{tail}" if slug else f"dl-{tail}"


def path_name(user: str) -> str:
    """Return the name of a person's home directory: one safe path component, injective.

    Percent-encoding keeps ordinary names as they are. Upper case is encoded too, for file
    systems that fold it, and so is a leading dot (``.``, ``..``, hidden). A name that would
    become too long for a file system is cut and carries a digest, behind ``%=``, which no
    percent-encoded name contains.
    """
    encoded = "".join(
        f"%{ord(char):02X}" if char.isascii() and char.isupper() else quote(char, safe="")
        for char in user
    )
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    if len(encoded) > _PATH_CHARS:
        encoded = f"{encoded[:_SLUG_CHARS]}%={hashlib.sha256(user.encode()).hexdigest()}"
    return encoded
