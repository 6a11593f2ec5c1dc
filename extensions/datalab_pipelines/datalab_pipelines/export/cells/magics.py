"""A cell as plain Python: what IPython adds to the language is replaced by calls of helpers.

What each becomes: ``%matplotlib``, ``%load_ext autoreload``, ``%config`` and the like go away (the
stage has its own figures), ``%time x`` and ``%%time`` become what they time, ``%timeit`` goes away
with a warning, ``!cmd`` and ``%%bash`` become ``shell(…)``, ``x = !cmd`` ``shell_lines(…)``,
``!pip install`` a requirement,
``%pylab`` its imports, ``%%writefile`` and ``%env`` what they do. Anything else makes the
cell ``opaque``: only IPython itself runs it, so the notebook stays in one piece.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Set

from IPython.core.inputtransformer2 import TransformerManager

from ..errors import ExportError
from ..model import Cell, CodeCell, Statement, Warn
from ..text import Edit, apply_edits, offsets, span
from .automagic import spelled_out
from .own_shell import answer
from .running import Runs
from .shells import expanded, shell_call

DROPPED = {
    *(
        "matplotlib",
        "autoreload",
        "config",
        "reload_ext",
        "unload_ext",
        "precision",
    ),
    *("who", "whos", "who_ls", "history", "hist", "pinfo", "pinfo2", "psource", "pdoc", "pfile"),
    *(
        "lsmagic",
        "magic",
        "quickref",
        "xmode",
        "pprint",
        "colors",
        "automagic",
        "pwd",
        "doctest_mode",
    ),
    *("watermark", "version_information", "logstart", "logstop", "page", "notebook", "pycat"),
    "tensorflow_version",  # of Colab, which has only one left
    *("autosave", "connect_info", "qtconsole"),
    *("pdef", "memit", "prun", "lprun", "mprun", "timeit", "tensorboard", "page"),
}
TIMED = {"timeit", "memit", "prun", "lprun", "mprun"}
DISPLAY_CELLS = {"html", "HTML", "javascript", "js", "markdown", "latex", "svg", "SVG"}
SHELLS = {"bash", "sh", "script", "cmd"}
HARMLESS_EXTENSIONS = re.compile(
    r"autoreload|watermark|tensorboard|line_profiler|memory_profiler|nb_black|lab_black|jupyter_black"
    r"|google\.colab|version_information|tikzmagic|rpy2_unused"
)
# What IPython.core.pylabtools.import_pylab does; ``stars`` names what is used of it.
PYLAB_NAMES = """import matplotlib
import numpy
import numpy as np
from matplotlib import mlab, pylab, pyplot
import matplotlib.pyplot as plt"""
PYLAB = f"""from matplotlib.pylab import *
from numpy import *
from IPython.core.pylabtools import figsize, getfigs
{PYLAB_NAMES}"""
CELL_MAGIC = re.compile(r"\A\s*%%(\w+)[ \t]*(.*)\n?", re.MULTILINE)


def translate(
    cell: Cell, warnings: list[Warn], runs: Runs | None = None, bound: Set[str] = frozenset()
) -> CodeCell:
    """Return the Python of a code cell; raises ``ExportError`` for a syntax error.

    ``runs`` gives the code of files that it runs; without, only IPython can run them. ``bound`` are
    the names that cells above may have given a value, ``*`` if those are not known.
    """
    found = CodeCell(cell.index, "")
    source = _cell_magics(spelled_out(cell.source, bound), found, warnings)
    if found.opaque:
        return found
    text = TransformerManager().transform_cell(source)
    tree = _parse(text, source, cell)
    text = _calls(text, tree, found, warnings, runs)
    if found.opaque:
        return found
    tree = _parse(text, text, cell)
    if _has_await(tree):
        found.opaque = "it awaits at the top of the cell"
        return found
    found.code = text
    found.statements = statements_of(text, tree)
    last = tree.body[-1] if tree.body else None
    found.shown = isinstance(last, ast.Expr) and not _silenced(text, last)
    return found


def statements_of(text: str, tree: ast.Module) -> list[Statement]:
    """Return the statements with the lines that belong to each, comments above included."""
    found = []
    before = 0
    for node in tree.body:
        first = min(
            [node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))],
        )
        found.append(Statement(node, min(before + 1, first), node.end_lineno or first))
        before = node.end_lineno or first
    return found


def _parse(text: str, source: str, cell: Cell) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        hint = ""
        if re.search(r"^\s*print\s+[^(=\s]", source, re.MULTILINE):
            hint = "This looks like Python 2: 2to3 turns it into Python 3."
        raise ExportError(
            f"not valid Python: {error.msg}",
            cell=cell.index,
            line=error.lineno,
            hint=hint or "Correct the cell, or make it a raw cell if it is no code.",
        ) from None
    except (ValueError, RecursionError) as error:
        raise ExportError(f"not valid Python: {error}", cell=cell.index) from None


def _cell_magics(source: str, found: CodeCell, warnings: list[Warn]) -> str:
    match = CELL_MAGIC.match(source)
    if not match:
        return source
    name, line, body = match[1], match[2].strip(), source[match.end() :]
    if name == "time":
        return _cell_magics(body if not line else f"{line}\n{body}", found, warnings)
    if name == "capture":
        out = [word for word in line.split() if not word.startswith("-")]
        found.helpers.add("capture_output")
        inner = "\n".join(f"    {text}" if text else text for text in body.splitlines())
        if '"""' in body or "'''" in body:
            found.opaque = "%%capture around text of several lines"
        return f"with capture_output(){f' as {out[0]}' if out else ''}:\n{inner}\n    pass\n"
    if name in TIMED:
        warnings.append(
            Warn("timing", f"%%{name} measures and keeps nothing: left out", found.index, 1)
        )
        return ""
    if name in SHELLS:
        if name == "script" and line.split()[:1] not in (["bash"], ["sh"]):
            found.opaque = f"%%script {line}"
        if "--out" in line or "--err" in line:
            found.opaque = f"%%{name} {line}"
        found.helpers.add("shell")
        return f"shell({body!r}, check=True)\n"
    if name in ("writefile", "file"):
        words = shlex.split(line)
        mode = "a" if "-a" in words or "--append" in words else "w"
        target = words[-1] if words else ""
        body += "" if body.endswith("\n") else "\n"  # IPython ends every cell with a line's end
        opened = f"with open({expanded(target)}, {mode!r}) as _file:"
        return f"{opened}\n    _file.write({_text_of(body)})\n"
    if name in DISPLAY_CELLS:
        return ""
    if name in ("sql", "cython", "R", "julia", "ruby", "perl", "latex", "pypy", "prun", "debug"):
        found.opaque = f"%%{name} runs in an extension of IPython"
        return ""
    found.opaque = f"%%{name} is a magic that only IPython knows"
    return ""


def _text_of(body: str) -> str:
    """Return a file's content as Python writes it, on lines of its own where that is the same."""
    for quotes in ('"""', "'''"):
        made = f"{'r' if chr(92) in body else ''}{quotes}{body}{quotes}"
        same = body.isprintable() or all(line.isprintable() for line in body.split("\n"))
        if same and body.count("\n") > 1 and quotes not in body and body.endswith("\n"):
            return made if chr(92) in body else f"{quotes}{chr(92)}\n{body}{quotes}"
    return repr(body)


def _calls(
    text: str, tree: ast.Module, found: CodeCell, warnings: list[Warn], runs: Runs | None
) -> str:
    """Replace the ``get_ipython()…`` calls that the transformer wrote."""
    if "get_ipython" not in text:
        return text
    starts = offsets(text)
    answers = {id(node): new for node in ast.walk(tree) if (new := answer(node)) is not None}
    answered = [node for node in ast.walk(tree) if id(node) in answers]
    edits = [Edit(*span(node, starts), answers[id(node)]) for node in answered]
    settled = {id(part) for node in answered for part in ast.walk(node)}
    statements = {id(node.value): node for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in settled or not _is_shell_call(node):
            continue
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        alone = id(node) in statements
        outside = runs if alone and not node.col_offset else None
        if outside and (line := _behind("run", node)) is not None:
            new = outside.code(line, found, lambda cell: translate(cell, warnings, runs, {"*"}))
            if not found.opaque and not outside.inside:
                said = f"the code of {found.runs[-1]} is part of the pipeline: export again when "
                warnings.append(Warn("run", f"{said}it changes", found.index, node.lineno))
        elif outside and (line := _behind("load", node)) and outside.loads(line):
            said = f"%load {line} puts text into the editor and runs nothing: left out"
            warnings.append(Warn("load", said, found.index, node.lineno))
            new = ""
        else:
            new = _replacement(node, node.func.attr, found, warnings, alone)
        if not alone and (not new or new.startswith(("import ", "del "))):
            found.opaque = found.opaque or f"{_words(node)} gives a value that only IPython knows"
        if found.opaque:
            return text
        whole = statements.get(id(node), node) if not new else node
        edits.append(Edit(*span(whole, starts), new or "pass"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            inside = any(edit.start <= span(node, starts)[0] < edit.end for edit in edits)
            if not inside:
                found.opaque = "it uses get_ipython()"
    return apply_edits(text, edits)


def _is_shell_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == "get_ipython"
        and node.func.attr
        in ("run_line_magic", "magic", "run_cell_magic", "system", "getoutput", "set_next_input")
        and all(isinstance(one, ast.Constant) for one in node.args)
    )


def _behind(magic: str, node: ast.Call) -> str | None:
    """Return what stands behind ``%magic``, or None for another one."""
    words = [one.value for one in node.args if isinstance(one, ast.Constant)]
    return str(words[1]) if words[0] == magic and len(words) == 2 else None


def _replacement(
    node: ast.Call, method: str, found: CodeCell, warnings: list[Warn], alone: bool
) -> str:
    words = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
    line = node.lineno
    if method in ("system", "getoutput"):
        return shell_call(words[0], method, found)
    if method == "magic":  # deprecated: ``get_ipython().magic("time x")``
        words = list(words[0].partition(" ")[::2])
    elif method != "run_line_magic":
        return ""  # what ? writes
    name, rest = words[0], words[1] if len(words) > 1 else ""
    if not name:  # ``% matplotlib inline``, which IPython took once
        name, _, rest = rest.strip().partition(" ")
    if name.startswith("%") and alone and not node.col_offset:
        raise ExportError(
            f"%{name} has to be the first line of its cell: IPython refuses it anywhere else",
            cell=found.index,
            line=line,
            hint="Move it to the first line, above comments, too; or delete it.",
        )
    if name == "time":
        return rest.strip().rstrip(";") or ""
    if name in ("pip", "conda", "mamba", "uv"):
        return shell_call(f"{name} {rest}", "system", found)
    if name in TIMED:
        if alone:
            text = f"%{name} measures and keeps nothing: left out"
            warnings.append(Warn("timing", text, found.index, line))
        return ""
    if name == "pylab":
        if alone and not node.col_offset:
            return PYLAB_NAMES if "--no-import-all" in rest else PYLAB
        found.opaque = "%pylab below something else brings names in unseen"
    elif name == "load_ext":
        if not HARMLESS_EXTENSIONS.match(rest.strip()):
            found.opaque = f"%load_ext {rest} adds to IPython"
    elif name in ("env", "set_env") and "=" in rest:
        key, _, value = rest.partition("=")
        return _with_os(node, f"os.environ[{key.strip()!r}] = {value.strip()!r}")
    elif name == "cd" and "$" not in rest and "{" not in rest:
        folder = repr(rest.strip()) if rest.strip() else 'os.path.expanduser("~")'
        return _with_os(node, f"os.chdir({folder})")
    elif name == "xdel" and rest.strip().isidentifier():
        return f"del {rest.strip()}"
    elif name in ("ls", "ll", "mkdir", "cat", "rm", "cp", "mv", "head"):
        return shell_call(f"{name} {rest}", "system", found)
    elif name not in DROPPED or not alone:
        found.opaque = f"%{name} is a magic that only IPython knows"
    return ""


def _words(node: ast.Call) -> str:
    """Return a magic's name as a person writes it."""
    words = [one.value for one in node.args if isinstance(one, ast.Constant)]
    return f"%{words[0]!s}"


def _with_os(node: ast.Call, line: str) -> str:
    """Return a line that needs ``os``, which the notebook need not have imported."""
    return f"import os\n{' ' * node.col_offset}{line}"


def _silenced(text: str, node: ast.Expr) -> bool:
    """Say whether a semicolon follows the last expression."""
    starts = offsets(text)
    rest = text[span(node, starts)[1] :]
    return rest.lstrip(" \t)").startswith(";")


def _has_await(tree: ast.Module) -> bool:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.comprehension) and node.is_async:
            return True
        waiting.extend(ast.iter_child_nodes(node))
    return False
