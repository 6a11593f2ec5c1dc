"""Finds which files in the home are broken, and says so in a sentence."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from traitlets import TraitError


def explain(error: BaseException) -> str:
    """Return one sentence: file, line and what is wrong there, as far as it can be found."""
    home = Path.home()
    if isinstance(error, SystemExit) and isinstance(error.__context__, TraitError):
        error = error.__context__  # traitlets prints a value that does not fit, and exits
    if isinstance(error, json.JSONDecodeError) and (sentences := unreadable()):
        return sentences[0]
    if isinstance(error, SyntaxError) and error.filename and _below(error.filename, home):
        return _not_python(Path(error.filename), error)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _below(frame.filename, home):
            place = f"{_short(Path(frame.filename))}, line {frame.lineno}"
            return f"{place}: {type(error).__name__}: {error}."
    return f"{type(error).__name__}: {error}."


def unreadable() -> list[str]:
    """Return a sentence for each configuration file in the home that cannot be read.

    Jupyter skips some of them, with a line in the log that nobody sees.
    """
    home = Path.home()
    found = []
    for directory in (Path(path) for path in jupyter_config_path() if _below(path, home)):
        for path in sorted([*directory.glob("*.json"), *directory.glob("*.d/*.json")]):
            if (text := _text(path)) is not None:
                try:
                    json.loads(text)
                except json.JSONDecodeError as problem:
                    found.append(_not_json(path, problem))
        for path in sorted(directory.glob("jupyter*_config.py")):
            if (text := _text(path)) is not None:
                try:
                    compile(text, str(path), "exec", dont_inherit=True)
                except (SyntaxError, ValueError) as problem:
                    found.append(_not_python(path, problem))
    return found


def _text(path: Path) -> str | None:
    """Return a file's text; nothing where Jupyter reads nothing either."""
    try:
        return path.read_text(errors="replace") or None
    except OSError:
        return None


def _not_json(path: Path, problem: json.JSONDecodeError) -> str:
    where = f"line {problem.lineno}, column {problem.colno}"
    return f"{_short(path)} is not valid JSON ({where}: {problem.msg})."


def _not_python(path: Path, problem: SyntaxError | ValueError) -> str:
    if isinstance(problem, SyntaxError):
        return f"{_short(path)} is not valid Python (line {problem.lineno}: {problem.msg})."
    return f"{_short(path)} is not valid Python ({problem})."


def _below(path: str, home: Path) -> bool:
    return Path(path).is_relative_to(home)


def _short(path: Path) -> str:
    return f"~/{path.relative_to(Path.home())}"
