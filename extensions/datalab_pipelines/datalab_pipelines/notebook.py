"""What code that came from a notebook may call: display, shell commands, random state.

Stages that ``datalab-export`` writes import these; they take the place of what IPython gives.
"""

from __future__ import annotations

import builtins
import io
import os
import pickle
import random
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .artifacts import REPORT, keep, report
from .keras_state import keras_state, restore_keras_state
from .kinds import module_of
from .outputs import note_figure, note_value, note_variables, tables_as_in_notebooks

RandomState = bytes


def show(value: Any, name: str = "output") -> None:
    """Show ``value`` as the last line of a cell is shown: in the log, and as a file of the run."""
    if value is None:
        return
    if _captured:
        _captured[-1].outputs.append(value)
        return
    if _is_figure(value):
        note_figure(value)
        return  # plt.show() keeps it
    if module_of(type(value)).startswith("matplotlib."):
        return
    print(value if hasattr(value, "to_html") else repr(value))
    note_value(value)
    if os.environ.get(REPORT):
        _keep(value, name)


def _keep(value: Any, name: str) -> None:
    """Keep a value as a notebook shows it: large tables with their first and last rows only."""
    for method, suffix, kind in (("_repr_html_", "html", str), ("_repr_png_", "png", bytes)):
        try:
            content = getattr(value, method, lambda: None)()
        except Exception:  # noqa: BLE001 - the value's own code: a notebook shows its text then
            continue
        if isinstance(content, kind):
            return keep(content, name, suffix)
    report(value, name)


def display(*values: Any, **_: Any) -> None:
    """Show each of ``values``; stands for IPython's function of that name."""
    for value in values:
        show(value)


def _is_figure(value: Any) -> bool:
    return hasattr(value, "savefig") and hasattr(value, "axes") and not isinstance(value, type)


def shell(command: str, *, check: bool = False) -> None:
    """Run a shell command, its output going to the log; with ``check`` a failure raises."""
    sys.stdout.flush()
    done = subprocess.run(["/bin/bash", "-c", command], check=check, capture_output=True, text=True)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)


class Lines(list[str]):
    """The lines that a shell command printed, with what IPython's ``SList`` has of them."""

    @property
    def l(self) -> list[str]:  # noqa: E743 - IPython calls it so
        """Return them as a list."""
        return list(self)

    @property
    def n(self) -> str:
        """Return them as text, a line each."""
        return "\n".join(self)

    @property
    def s(self) -> str:
        """Return them as text with spaces between."""
        return " ".join(self)

    @property
    def p(self) -> list[Path]:
        """Return those that name something that exists, as paths."""
        return [path for path in map(Path, self) if path.exists()]

    list, nlstr, spstr, paths = l, n, s, p

    def grep(
        self, pattern: str | Callable[[str], Any], prune: bool = False, field: int | None = None
    ) -> Lines:
        """Return the lines that match, or with ``prune`` those that do not.

        ``field`` looks only at this word of each line, counted from 0.
        """
        found = Lines()
        for line in self:
            words = line.split()
            text = line if field is None else "".join(words[field : field + 1])
            if callable(pattern):
                hit = bool(pattern(text))
            else:
                hit = bool(re.search(pattern, text, re.IGNORECASE))
            if hit != prune:
                found.append(line)
        return found

    def fields(self, *fields: int) -> Lines | builtins.list[builtins.list[str]]:
        """Return these words of each line joined by spaces; without numbers, all words."""
        every = [line.split() for line in self]
        if not fields:
            return every
        picked = [[words[at] for at in fields if at < len(words)] for words in every]
        return Lines(" ".join(words) for words in picked if words)


def shell_lines(command: str) -> Lines:
    """Return the lines that a shell command prints."""
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Lines(done.stdout.splitlines())


def random_state() -> RandomState:
    """Return the state of the global random generators, so that a later stage goes on from it."""
    state: dict[str, Any] = {"random": random.getstate()}
    if numpy := sys.modules.get("numpy"):
        state["numpy"] = numpy.random.get_state()
    if torch := sys.modules.get("torch"):
        state["torch"] = torch.get_rng_state().numpy()
    if (keras := keras_state()) is not None:
        state["keras"] = keras
    return pickle.dumps(state, protocol=5)


def restore_random_state(state: RandomState) -> None:
    """Go on from the random state that an earlier stage gave."""
    found = pickle.loads(state)
    random.setstate(found["random"])
    if "numpy" in found:
        import numpy

        numpy.random.set_state(found["numpy"])
    if "torch" in found:
        import torch

        torch.set_rng_state(torch.from_numpy(found["torch"]))
    if "keras" in found:
        restore_keras_state(found["keras"])


def _ignored(line: str) -> None:
    """Stand for a magic that has nothing to do here."""


def run_notebook(path: str | Path) -> dict[str, Any]:
    """Run every code cell of a notebook through IPython; return its variables.

    The first error ends it and is raised, except in a cell tagged ``raises-exception``. For
    notebooks that use what only IPython has.
    """
    import json

    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    settings = Config()
    settings.HistoryManager.enabled = False
    os.environ["MPLBACKEND"] = "module://datalab_pipelines.figures"
    shell = InteractiveShell.instance(config=settings)
    shell.user_ns["display"] = display
    # Figures become files of the run, so no cell may choose another backend for them.
    shell.magics_manager.register_function(_ignored, "line", "matplotlib")
    for number, cell in enumerate(cells, 1):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and source.strip():
            done = shell.run_cell(source, store_history=True)
            failed = done.error_before_exec or done.error_in_exec
            if failed and "raises-exception" not in cell.get("metadata", {}).get("tags", []):
                print(f"cell {number} of {path} failed", file=sys.stderr)
                done.raise_error()
            if pyplot := sys.modules.get("matplotlib.pyplot"):
                pyplot.show()
            tables_as_in_notebooks()
    hidden = set(shell.user_ns_hidden)
    variables = {
        name: value
        for name, value in shell.user_ns.items()
        if name not in hidden and not name.startswith("_")
    }
    note_variables(variables)
    return variables


def show_error() -> None:
    """Show the error that is being handled, and after which the notebook goes on."""
    traceback.print_exc()


def end_of_cell() -> None:
    """Keep the figures that are open, and close them, as a notebook does after each cell."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.show()
        pyplot.close("all")


@dataclass
class Captured:
    """What was shown inside ``capture_output``, as IPython's ``%%capture`` names it."""

    stdout: str = ""
    stderr: str = ""
    outputs: list[Any] = field(default_factory=list)

    def show(self) -> None:
        """Show it now."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for value in self.outputs:
            show(value)

    __call__ = show

    def __str__(self) -> str:
        return self.stdout


_captured: list[Captured] = []  # those that are open, the innermost last


@contextmanager
def capture_output() -> Iterator[Captured]:
    """Keep what is printed and displayed inside, as ``%%capture`` does."""
    found, out, err = Captured(), io.StringIO(), io.StringIO()
    _captured.append(found)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield found
    finally:
        _captured.pop()
        found.stdout, found.stderr = out.getvalue(), err.getvalue()
