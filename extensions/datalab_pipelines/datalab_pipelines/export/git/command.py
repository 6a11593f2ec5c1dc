"""Git itself, as a program: what it says, or a sentence about why it would not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..errors import ExportError

# What a hook or an outer git exports to tell children which repository is meant (git rev-parse
# --local-env-vars, less the two that carry a person's configuration). Ours is the target's.
_MISLEADING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
_SECONDS = 300


class GitFailed(Exception):
    """Git ended with another status than 0; ``said`` is what it wrote to standard error."""

    def __init__(self, verb: str, status: int, said: str) -> None:
        self.verb, self.status, self.said = verb, status, said.strip()
        super().__init__(f"git {verb}: {self.said or f'status {status}'}")


class Git:
    """Git commands in one folder.

    Nothing asks questions, no editor or pager opens, paths are taken literally, and messages come
    in English.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._more = dict(environment or {})

    def within(self, **more: str) -> Git:
        """Return the same with more environment variables."""
        return Git(self.folder, {**self._more, **more})

    def environment(self) -> dict[str, str]:
        """Return what git's processes get."""
        kept = {key: value for key, value in os.environ.items() if key not in _MISLEADING}
        kept.pop("LANGUAGE", None)
        return {
            **kept,
            "LC_ALL": "C.UTF-8",
            "GIT_EDITOR": ":",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_PAGER": "cat",
            "GIT_TERMINAL_PROMPT": "0",
            **self._more,
        }

    def run(self, *arguments: str, given: bytes = b"", seconds: float = _SECONDS) -> bytes:
        """Return what ``git arguments`` prints; ``given`` is its standard input.

        Raises ``GitFailed``; and ``ExportError`` when there is no git, or no end to it.
        """
        status, out, said = self.attempt(*arguments, given=given, seconds=seconds)
        if status:
            raise GitFailed(_verb(arguments), status, said)
        return out

    def attempt(
        self, *arguments: str, given: bytes = b"", seconds: float = _SECONDS
    ) -> tuple[int, bytes, str]:
        """Return the status of ``git arguments``, what it prints, and its complaints."""
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.folder,
                env=self.environment(),
                input=given,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            raise ExportError(
                "git is not installed here", hint="Install git, or export without a commit."
            ) from None
        except subprocess.TimeoutExpired:
            raise ExportError(
                f"git {_verb(arguments)} was not finished after {seconds:.0f} s",
                hint=f"Try it in a terminal, in {self.folder}: does it wait for a password?",
            ) from None
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    def text(self, *arguments: str, given: bytes = b"") -> str:
        """Return what ``git arguments`` prints, as text without the last line's end."""
        return self.run(*arguments, given=given).decode(errors="surrogateescape").removesuffix("\n")

    def config(self, key: str, kind: str = "") -> str:
        """Return a setting ("" when there is none); ``kind`` is bool, path…"""
        status, out, said = self.attempt("config", *([f"--{kind}"] if kind else []), "--get", key)
        if status not in (0, 1):
            raise GitFailed("config", status, said)
        return out.decode(errors="surrogateescape").removesuffix("\n")

    def version(self) -> tuple[int, ...]:
        """Return git's version: ``(2, 39, 5)``."""
        words = self.text("--version").split()
        return tuple(int(part) for part in words[2].split(".") if part.isdigit())


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and SIGTERM back until what is inside is done.

    Git inherits it: one that is ended while it writes a person's files would leave half of them.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _verb(arguments: tuple[str, ...]) -> str:
    at = 0
    while at < len(arguments) and arguments[at] == "-c":
        at += 2
    return arguments[at] if at < len(arguments) else ""
