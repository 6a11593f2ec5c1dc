"""Cells as IPython runs them, and as the exporter understands them: variables, and what is printed.

The proof runs what the exporter has made of the cells; so that is what is compared here.
"""

import contextlib
import io

from datalab_pipelines.export.proof.reference import HELPERS
from IPython.core.interactiveshell import InteractiveShell

PLAIN = int | float | str | list | dict | tuple | bool


def in_ipython(folder, groups, failing=()):
    """Return the variables, and what is printed, when IPython runs the cells.

    The cells with the texts ``failing`` have to fail.
    """
    shell, out = InteractiveShell(), io.StringIO()
    if failing:  # its traceback goes where errors go
        shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        for cell in groups:
            done = shell.run_cell(cell)
            if cell in failing:
                assert not done.success, cell
            else:
                done.raise_error()
    hidden = set(shell.user_ns_hidden)
    return plain({k: v for k, v in shell.user_ns.items() if k not in hidden}), said(out)


def as_cells(found, folder, files):
    """Return the same of the cells as the exporter understands them."""
    for name, content in files.items():
        if isinstance(content, str):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
    folder.mkdir(exist_ok=True)
    variables, out = {"__name__": "__main__", **HELPERS}, io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        for cell in found.code:
            exec(compile(cell.code, "cell", "exec", dont_inherit=True), variables)
    return plain({k: v for k, v in variables.items() if k not in HELPERS}), said(out)


def said(out):
    return [line for line in out.getvalue().splitlines() if not line.startswith("Writing")]


def plain(variables):
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in variables.items()
        if isinstance(value, PLAIN) and not name.startswith("_")
    }
