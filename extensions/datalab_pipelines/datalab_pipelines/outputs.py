"""What code shows while it runs, noted so that two runs can be compared.

Text that is printed, values that are displayed and figures, in their order. Used by the proof of
``datalab-export``; nothing is noted unless ``recording`` is active.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LONGEST_LINE = 2_000
MOST_LINES = 20_000
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
# A class or function of a cell may be one of a stage's function: prepare.<locals>.Item(name='a').
OWN_MODULE = re.compile(r"\b(?:__main__|shared|stages\.\w+)\.(?=[A-Za-z_])|\b\w+\.<locals>\.")
# scikit-learn counts its tables; pandas' styles and Plotly's figures have random identifiers.
COUNTED = re.compile(
    r"\bsk-(?:container|estimator)-id-\d+|\bT_[0-9a-f]{5}(?=\b|_)"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)
RESOLUTION = 50  # enough to tell figures apart, and quick


class Recorder:
    """The lines that were shown since the recorder was made, and since ``take``."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._open = ""
        self.left_open = ""  # the line without an end that the last ``take`` found
        self._dropped = hashlib.sha256()
        self.variables: dict[str, Any] = {}

    def text(self, text: str) -> None:
        """Note printed text."""
        *whole, self._open = (self._open + text).split("\n")
        for line in whole:
            self._add(line)

    def mark(self, kind: str, what: str) -> None:
        """Note something that is no text, by what tells it apart."""
        self._end_line()
        self._add(f"<{kind} {what}>")

    def take(self) -> list[str]:
        """Return the lines so far, and forget them."""
        self.left_open = self._open
        self._end_line()
        if len(self._lines) > MOST_LINES:
            self._lines.append(f"<more {self._dropped.hexdigest()}>")
        lines, self._lines, self._dropped = self._lines, [], hashlib.sha256()
        return lines

    def _end_line(self) -> None:
        if self._open:
            line, self._open = self._open, ""
            self._add(line)

    def _add(self, line: str) -> None:
        line = normal(line.rsplit("\r", 1)[-1])  # what a progress bar leaves
        if len(line) > LONGEST_LINE:
            line = f"{line[:200]}… <{hashlib.sha256(line.encode(errors='replace')).hexdigest()}>"
        if len(self._lines) > MOST_LINES:
            self._dropped.update(line.encode(errors="replace"))
        else:
            self._lines.append(line)


_active: Recorder | None = None


@contextmanager
def recording() -> Iterator[Recorder]:
    """Note what is shown inside; printed text still goes where it went."""
    global _active
    recorder = Recorder()
    before = _active
    _active = recorder
    try:
        with hearing():
            yield recorder
    finally:
        _active = before


@contextmanager
def hearing() -> Iterator[None]:
    """Let ``recording`` note also what is printed to the stream that ``sys.stdout`` is by now.

    A handler of ``logging`` keeps the stream that it was made with, when a module was imported.
    """
    stream = sys.stdout
    if not isinstance(stream, _Heard):
        sys.stdout = _Heard(stream)
    try:
        yield
    finally:
        sys.stdout = stream


def normal(text: str) -> str:
    """Return ``text`` without what differs between two processes that do the same."""
    return OWN_MODULE.sub("", ADDRESS.sub("0x…", text)).rstrip()


def note_figure(figure: Any) -> None:
    """Note how a figure looks, if anyone is noting."""
    if _active is None:
        return
    kept = io.BytesIO()
    try:
        figure.savefig(kept, format="raw", dpi=RESOLUTION)
    except Exception as error:  # noqa: BLE001 - drawing runs any code that a figure holds
        _active.mark("figure", f"that cannot be drawn: {type(error).__name__}")
    else:
        _active.mark("figure", hashlib.sha256(kept.getvalue()).hexdigest()[:20])


def note_value(value: Any) -> None:
    """Note how a displayed value looks in HTML, if it does and anyone is noting."""
    if _active is None or isinstance(value, type) or not hasattr(value, "_repr_html_"):
        return
    try:
        html = value._repr_html_()
    except Exception as error:  # noqa: BLE001 - it is the value's own code
        _active.mark("html", f"that cannot be made: {type(error).__name__}")
    else:
        if isinstance(html, str):
            text = COUNTED.sub("id", normal(html))
            _active.mark("html", hashlib.sha256(text.encode(errors="replace")).hexdigest()[:20])


def note_variables(variables: dict[str, Any]) -> None:
    """Note the variables of a notebook that ran as a whole, if anyone is noting."""
    if _active is not None:
        _active.variables = variables


def tables_as_in_notebooks() -> None:
    """Let pandas print as many columns of a table as in a notebook.

    It takes a log for a terminal, and leaves columns out that do not fit (display.max_columns is 0:
    pandas.core.config_init). What somebody has chosen stays.
    """
    pandas: Any = sys.modules.get("pandas")
    if hasattr(pandas, "set_option") and pandas.get_option("display.max_columns") == 0:
        pandas.set_option("display.max_columns", 20)


class _Heard:
    """A text stream whose text is noted too, while anyone is noting."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if _active is not None:
            _active.text(text)
        return int(self._stream.write(text))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
