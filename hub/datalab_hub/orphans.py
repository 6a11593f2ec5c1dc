"""``datalab orphans``: ask the running hub what belongs to nobody, and have it removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from .errors import DatalabError

_TIMEOUT = 300  # seconds: removing is waiting for platforms


def find_orphans(
    hub_url: str, token: str, *, apply: bool, remove_data: bool, older_than: str | None
) -> Iterator[str]:
    """Yield one line per orphan, and what was or would be done with it.

    Args:
        hub_url: of the hub, ending in ``/hub``.
        token: with the scope ``delete:servers``; to remove data, ``delete:users`` too.
        older_than: a duration such as ``7d``.

    Raises:
        DatalabError: the hub does not answer, or refuses; says why.
    """
    wanted: dict[str, Any] = {"apply": apply, "remove_data": remove_data}
    if older_than is not None:
        wanted["older_than"] = older_than
    try:
        answer = httpx.post(
            f"{hub_url.rstrip('/')}/datalab/orphans",
            json=wanted,
            headers={"Authorization": f"token {token}"},
            timeout=_TIMEOUT,
        )
    except httpx.HTTPError as error:
        raise DatalabError(
            f"The hub at {hub_url} does not answer ({error}). Is it running? --url names another."
        ) from error
    if answer.status_code != 200:
        raise DatalabError(f"The hub refuses: {_reason(answer)}")
    for found in answer.json()["findings"]:
        since = f", since {found['since'][:16]}" if found["since"] else ""
        yield f"{found['backend']}: {found['kind']} {found['name']}{since}: {found['action']}"


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
