"""The workspace's credential agent, asked with nothing but the standard library."""

from __future__ import annotations

import html
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

_URL = "DATALAB_AGENT_URL"
_TOKEN_FILE = "DATALAB_AGENT_TOKEN_FILE"
_SECONDS = 20


class DatalabError(Exception):
    """A sentence for you: what is wrong, and what to do next."""


@dataclass(frozen=True)
class Source:
    """A data source that you may use.

    Attributes:
        name: what you write: ``datalab.connect(NAME)``.
        access: ``read`` or ``write``.
        facts: what a program needs to connect, by kind: bucket, host, … Nothing secret.
        problem: why it cannot be used now; empty when it can.
    """

    name: str
    title: str
    kind: str
    access: str
    description: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def how(self) -> str:
        """The line of code that uses it."""
        target = {
            **{"s3": "lake", "static": "value", "http": "session"},
            **{"databricks": "connection", "bigquery": "client"},
        }
        return f"{target.get(self.kind, 'engine')} = datalab.connect({self.name!r})"


class Sources(Sequence[Source]):
    """Your data sources: a list that notebooks show as a table."""

    def __init__(self, items: Sequence[Source]) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Source: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Source]: ...
    def __getitem__(self, index: int | slice) -> Source | Sequence[Source]:
        """Return a source, or some."""
        return self._items[index]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._items)

    def _rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        for item in self._items:
            yield item.name, item.title, item.kind, item.access, item.problem or item.how

    def __repr__(self) -> str:
        """Return the table as text."""
        rows = [_HEADINGS, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join(lines) if self._items else "No data sources are offered to you."

    def _repr_html_(self) -> str:
        if not self._items:
            return f"<p>{self!r}</p>"
        head = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_HEADINGS = ("name", "what", "kind", "access", "how")


def sources() -> Sources:
    """Return the data sources that you may use now.

    Raises:
        DatalabError: this is no workspace, or its hub cannot be asked.
    """
    names = Source.__dataclass_fields__
    return Sources(
        [
            Source(**{key: value for key, value in entry.items() if key in names})
            for entry in ask("/v1/sources")["sources"]
        ]
    )


def source(name: str) -> Source:
    """Return one source.

    Raises:
        DatalabError: there is none of that name for you; says why.
    """
    for found in sources():
        if found.name == name:
            if found.problem:
                raise DatalabError(found.problem)
            return found
    credential(name)  # the broker knows why not
    raise DatalabError(f"There is no data source {name!r}.")


def credential(name: str) -> dict[str, str]:
    """Return a short-lived credential, for programs that nothing else here serves.

    Do not print or save it; ask again instead, it is renewed before it ends.

    Raises:
        DatalabError: you may not have it, or it cannot be had; says why.
    """
    values: dict[str, str] = ask(f"/v1/credentials/{name}")["values"]
    return values


def ask(path: str) -> dict[str, Any]:
    """Return the agent's answer.

    Raises:
        DatalabError: with the agent's own sentence.
    """
    try:
        url, token = os.environ[_URL], Path(os.environ[_TOKEN_FILE]).read_text()
    except (KeyError, OSError):
        raise DatalabError(
            "There is no credential agent here. Data sources work in a Datalab workspace whose "
            "operator declared some; if this is one, restart the kernel."
        ) from None
    request = urllib.request.Request(url + path, headers={"Authorization": token})
    # A proxy is for the world outside; the agent is on loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        message = json.load(error).get("message", f"HTTP {error.code}")
        raise DatalabError(message) from None
    except (OSError, ValueError) as error:
        raise DatalabError(
            f"The workspace's credential agent does not answer ({error}). Restart the kernel; "
            "if that does not help, stop the workspace and start it again."
        ) from None
