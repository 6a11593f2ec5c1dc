"""Why a node cannot fetch an image, out of what kubelet and container runtime say."""

from __future__ import annotations

import re

from .findings import ASK_OPERATOR, Trouble

_NOT_FOUND = re.compile(r"not found|manifest unknown|does not exist|NotFound", re.IGNORECASE)
_DENIED = re.compile(
    r"unauthorized|denied|forbidden|authentication required|no basic auth|\b40[13]\b", re.IGNORECASE
)
_ARCHITECTURE = re.compile(r"no match(ing manifest)? for platform|no matching manifest|exec format")
_NO_SPACE = re.compile(r"no space left", re.IGNORECASE)
_REGISTRY = re.compile(
    r"dial tcp|i/o timeout|no such host|TLS handshake|connection refused|server misbehaving"
    r"|x509|deadline exceeded|toomanyrequests|rate limit|\b(429|5\d\d)\b",
    re.IGNORECASE,
)

WAITING = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
}
"""Reasons of a waiting container that are about its image."""

_SOON = 20.0  # seconds: kubelet tries again, and a registry may come back
_LATER = 90.0
_HISTORY_CHARS = 1000


def image_trouble(reason: str, message: str, image: str, history: str = "") -> Trouble:
    """Return what is wrong with an image.

    Args:
        reason: of the waiting container.
        message: its message.
        history: messages of earlier events: "back-off" alone says nothing.
    """
    text = f"{message} {history}"
    short = image.rsplit("/", 1)[-1]

    def trouble(sentence: str, word: str, hint: str, patience: float | None) -> Trouble:
        detail = f"image {image}: {reason}: {message} {history[-_HISTORY_CHARS:]}".strip()
        return Trouble(sentence, word, hint, detail, patience)

    if reason == "InvalidImageName":
        return trouble(
            f"The name of the image {image!r} is not valid.", "image_name", ASK_OPERATOR, 0
        )
    if reason == "ErrImageNeverPull":
        return trouble(
            f"The image {short} is not on the node, and fetching it is forbidden.",
            "image_missing",
            f"{ASK_OPERATOR} The pull policy is Never.",
            0,
        )
    if _ARCHITECTURE.search(text):
        return trouble(
            f"The image {short} does not exist for this node's kind of processor.",
            "image_architecture",
            f"{ASK_OPERATOR} The profile needs a node selector, or the image another build.",
            _SOON,
        )
    if _NO_SPACE.search(text):
        return trouble(
            f"The node has no disk space left for the image {short}.",
            "disk",
            f"{ASK_OPERATOR} Or try again: another node may be chosen.",
            _LATER,
        )
    if _REGISTRY.search(text):
        return trouble(
            f"The registry with the image {short} does not answer.",
            "image_registry",
            "Try again in a few minutes; if it stays, tell the person who runs Datalab.",
            _LATER,
        )
    # "repository does not exist or may require authorization" is Docker Hub's answer to both.
    if _DENIED.search(text) and "does not exist or may require" not in text:
        return trouble(
            f"The registry does not let the cluster fetch the image {short}.",
            "image_denied",
            f"{ASK_OPERATOR} The pull secret is missing or not valid.",
            _SOON,
        )
    if _NOT_FOUND.search(text):
        return trouble(
            f"The image {short} does not exist in the registry.",
            "image_missing",
            f"{ASK_OPERATOR} The catalog may name a tag that was never pushed.",
            _SOON,
        )
    return trouble(f"The image {short} cannot be fetched.", "image_registry", ASK_OPERATOR, _LATER)
