"""Files for programs that read files: a block of ours among what the person wrote.

``~/.aws/config`` holds no secret: a profile for each S3 source names a program to ask.
``~/.pg_service.conf`` and ``~/.databrickscfg`` hold short-lived ones, for sources that the
catalog delivers as files, and are written anew before these end.
"""

from __future__ import annotations

import configparser
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import wire

_BEGIN = "# >>> Datalab: kept by your workspace; write outside of these two lines"
_END = "# <<< Datalab"

Sections = Mapping[str, Mapping[str, str]]


def aws_profiles(sources: Iterable[wire.SourceInfo]) -> Sections:
    """Return a profile for each S3 source."""
    found: dict[str, dict[str, str]] = {}
    for source in sources:
        if source.kind == "s3" and not source.problem:
            command = f'"{sys.executable}" -I -m datalab_workspace.agent.process {source.name}'
            found[f"profile {source.name}"] = {"credential_process": command}
            if source.facts.get("region"):
                found[f"profile {source.name}"]["region"] = source.facts["region"]
    return found


def pg_service(source: wire.SourceInfo, credential: wire.Credential) -> Mapping[str, str]:
    """Return the entry that ``psql service=NAME`` reads."""
    return {
        "host": source.facts["host"],
        "port": source.facts["port"],
        "dbname": source.facts["database"],
        "user": credential.values["Username"],
        "password": credential.values["Password"],
    }


def databrickscfg(source: wire.SourceInfo, credential: wire.Credential) -> Mapping[str, str]:
    """Return the entry that Databricks' tools read."""
    return {"host": source.facts["host"], "token": credential.values["Token"]}


def keep(path: Path, sections: Sections) -> list[str]:
    """Make sure that a file holds these sections, and that only its owner can read it.

    Args:
        sections: without any, our block goes; a file that held nothing else goes with it.

    Returns:
        the sections that the person has written too: theirs stay, ours are left out.

    Raises:
        OSError: it cannot be written.
    """
    path = path.resolve()  # a link that the person made stays one
    try:
        before = path.read_text()
    except FileNotFoundError:
        before = ""
    theirs = _without_block(before)
    taken = _sections(theirs)
    ours = {name: values for name, values in sections.items() if name not in taken}
    text = theirs
    if ours:
        gap = "\n" if theirs and not theirs.endswith("\n") else ""
        text = f"{theirs}{gap}{_block(ours)}"
    if text != before:
        _write(path, text)
    return sorted(set(sections) & taken)


def _block(sections: Sections) -> str:
    lines = [_BEGIN]
    for name, values in sections.items():
        lines.append(f"[{name}]")
        for key, value in values.items():
            if "\n" in value or "\r" in value:
                raise ValueError(f"{key} of {name} has more than one line")
            lines.append(f"{key}={value}")  # libpq takes no spaces
    return "\n".join([*lines, _END, ""])


def _without_block(text: str) -> str:
    head, begin, rest = text.partition(_BEGIN)
    if not begin:
        return text
    _, end, tail = rest.partition(_END)
    return head + tail.removeprefix("\n") if end else head


def _sections(text: str) -> set[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:  # the person's own business; what was read so far counts
        pass
    return set(parser.sections())


def _write(path: Path, text: str) -> None:
    if not text:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
