"""Whether what a call writes surely lies in the working folder, from which it can be handed on.

A path is followed through variables and what puts paths together. One that begins somewhere else
(a temporary folder, a home), or that nobody can follow, may be anywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from ..trees import nodes_in
from .changing import Function
from .naming import dotted, short_name

OUTSIDE = re.compile(r"^\s*([/~\\]|[A-Za-z]:[\\/]|file:)|(^|[\\/])\.\.([\\/]|$)")
JOINING = {"os.path.join", "pathlib.Path", "pathlib.PurePath", "os.path.normpath", "os.fspath"}
SAME_FOLDER = {"os.path.abspath", "os.path.realpath", "str", "sorted", "list", "enumerate", "zip"}
FROM_HERE = {"os.getcwd", "pathlib.Path.cwd", "os.listdir", "range", "len", "int"}
LAST_NAME = {"os.path.basename"}
METHODS = {  # of a path or of its text, that do not lead out of its folder
    *("joinpath", "with_suffix", "with_name", "resolve", "absolute", "as_posix", "format", "lower"),
    *("upper", "strip", "rstrip", "lstrip", "replace", "open", "rglob", "glob", "iterdir", "split"),
    *("items", "keys", "values", "zfill", "title"),
}
PARTS = {"name", "stem", "suffix"}
# Which arguments of a call are paths, by its last name; of others all are taken for paths.
WHERE: dict[str, tuple[slice, frozenset[str]]] = {
    "dump": (slice(1, 2), frozenset({"file", "filename", "fp"})),
    **dict.fromkeys(
        ("save", "savez", "savez_compressed", "savetxt", "savefig", "open", "imsave", "imwrite"),
        (slice(0, 1), frozenset({"file", "fname", "path", "filepath", "filename"})),
    ),
    "extractall": (slice(0, 1), frozenset({"path"})),
    "extract": (slice(1, 2), frozenset({"path"})),
    "urlretrieve": (slice(1, 2), frozenset({"filename"})),
    "write_text": (slice(0, 0), frozenset()),
    "write_bytes": (slice(0, 0), frozenset()),
    **dict.fromkeys(("write", "writelines"), (slice(0, 0), frozenset())),
}
TABLES = re.compile(r"to_(csv|excel|parquet|pickle|json|hdf|feather|stata)")
PATHS_THEMSELVES = {  # methods of a path, or of an open file, and so not of what is written
    *("write_text", "write_bytes", "mkdir", "touch", "rename", "replace", "unlink", "rmdir"),
    *("write", "writelines", "writerow", "writerows", "writeheader", "symlink_to", "open"),
}
MODULES = {"os", "shutil", "pathlib", "urllib"}
PROGRAMS = {"system", "popen", "run", "call", "check_call", "spawnv", "execv"}
# What these give writes to the file that they name first.
OPENING = {"open", "File", "ZipFile", "TFRecordWriter", "ExcelWriter", "writer", "DictWriter"}
LEADS_OUT = re.compile(
    r"tempfile|mkd?s?temp|gettempdir|(Named)?Temporary\w+|home|expanduser|expandvars|environ|getenv"
    r"|__file__|get_file|cached_\w+|\w*_download|\w+_cache_dir|executable|parents?|dirname|argv"
)

Assigned = Callable[[str], list[ast.AST]]


class Located:
    """Follows paths. ``assigned`` gives what a name may be, ``arguments`` what a function got."""

    def __init__(self, resolve: dict[str, str], assigned: Assigned) -> None:
        self.resolve = resolve
        self.assigned = assigned
        self.open: set[str] = set()  # names that are being followed

    def writes_here(self, call: ast.Call, site: ast.AST) -> bool:
        """Say whether all paths of a writing ``call``, run by the statement ``site``, are here."""
        paths = self._paths(call)
        if not paths and short_name(call.func).startswith("save"):  # of a library: what, and where
            inside = [one for one in call.args if self.is_here(one, site)]
            outside = any(self._outside(one, site) for one in call.args)
            return len(inside) == 1 and len(call.args) == 2 and not outside
        return bool(paths) and all(self.is_here(one, site) for one in paths)

    def _paths(self, call: ast.Call) -> list[ast.expr]:
        name = dotted(call.func, self.resolve)
        short = short_name(call.func)
        if isinstance(call.func, ast.Attribute) and not name and short in PATHS_THEMSELVES:
            found = [call.func.value]
            given = call.args if short in ("rename", "replace", "symlink_to") else []
            return found + list(given)
        if short == "extractall" and not call.args and not call.keywords:
            return [ast.Constant(".")]
        if TABLES.fullmatch(short):
            taken, named = slice(0, 1), frozenset({"path_or_buf", "path", "excel_writer"})
        elif short == "save" and name.startswith("torch."):
            taken, named = slice(1, 2), frozenset({"f"})
        elif short in WHERE:
            taken, named = WHERE[short]
        elif short.startswith("save") and not name:  # of a model, say
            taken, named = WHERE["save"]
        elif name.split(".")[0] in MODULES and short not in PROGRAMS:
            return [*call.args, *(word.value for word in call.keywords if _may_be_path(word.value))]
        else:
            return []
        return [*call.args[taken], *(w.value for w in call.keywords if w.arg in named)]

    def is_here(self, node: ast.AST, site: ast.AST) -> bool:
        """Say whether a path is one in the working folder."""
        if isinstance(node, ast.Constant):
            return not (isinstance(node.value, str) and OUTSIDE.search(node.value))
        if isinstance(node, ast.JoinedStr):
            return self._text(node, site)
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Add) and isinstance(node.right, ast.Constant):
                return self.is_here(node.left, site) and ".." not in str(node.right.value)
            return self.is_here(node.left, site) and not self._outside(node.right, site)
        if isinstance(node, ast.IfExp):
            return self.is_here(node.body, site) and self.is_here(node.orelse, site)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return all(self.is_here(one, site) for one in node.elts)
        if isinstance(node, ast.Dict):
            given = [*filter(None, node.keys), *node.values]
            return all(self.is_here(one, site) for one in given)
        if isinstance(node, ast.Subscript | ast.Starred):
            return self.is_here(node.value, site)
        if isinstance(node, ast.Name):
            return self._name(node.id, site)
        if isinstance(node, ast.arg):
            return not self._outside(site, site)
        if isinstance(node, ast.Attribute):
            return node.attr in PARTS
        return isinstance(node, ast.Call) and self._call(node, site)

    def _text(self, node: ast.JoinedStr, site: ast.AST) -> bool:
        """A text that begins with what is written out is as far from here as that is."""
        first, *rest = node.values or [ast.Constant("")]
        begins = first.value if isinstance(first, ast.FormattedValue) else first
        more = [str(one.value) for one in rest if isinstance(one, ast.Constant)]
        filled = [one.value for one in rest if isinstance(one, ast.FormattedValue)]
        outside = any(".." in one for one in more) or any(
            self._outside(one, site) for one in filled
        )
        return self.is_here(begins, site) and not outside

    def _name(self, name: str, site: ast.AST) -> bool:
        values = [one for one in self.assigned(name) if not isinstance(one, Function)]
        if name in self.open:
            return True  # ``name = name + ".csv"``: what else it is decides
        self.open.add(name)
        try:
            return bool(values) and all(self.is_here(one, site) for one in values)
        finally:
            self.open.discard(name)

    def _call(self, node: ast.Call, site: ast.AST) -> bool:
        name = dotted(node.func, self.resolve)
        given = [*node.args, *(word.value for word in node.keywords)]
        if name in FROM_HERE | LAST_NAME:
            return True
        if name in JOINING and given:
            first, *rest = given
            return self.is_here(first, site) and not any(self._outside(one, site) for one in rest)
        if name in JOINING:
            return True  # ``Path()``
        opens = short_name(node.func) in OPENING and (name or isinstance(node.func, ast.Name))
        if name in SAME_FOLDER or name == "glob.glob" or opens:
            return bool(given) and self.is_here(given[0], site)
        if name or not isinstance(node.func, ast.Attribute) or node.func.attr not in METHODS:
            return False
        return self.is_here(node.func.value, site) and not any(
            self._outside(one, site) for one in given
        )

    def _outside(self, node: ast.AST, site: ast.AST) -> bool:
        """Say whether something in ``node``, or in what its names are, leads to somewhere else."""
        waiting, seen = [node], set[str]()
        while waiting:
            for one in nodes_in(waiting.pop()):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    if OUTSIDE.search(one.value) and one.value.strip("/\\"):
                        return True
                elif isinstance(one, ast.Name) and self.assigned(one.id):
                    if one.id not in seen:
                        seen.add(one.id)
                        waiting += [v for v in self.assigned(one.id) if not isinstance(v, ast.arg)]
                elif isinstance(one, ast.Name | ast.Attribute):
                    imported = self.resolve.get(getattr(one, "id", ""), "").rsplit(".", 1)[-1]
                    if LEADS_OUT.fullmatch(short_name(one)) or LEADS_OUT.fullmatch(imported):
                        return True
        return False


def _may_be_path(node: ast.expr) -> bool:
    """Say whether a keyword argument may name a path: no number, no truth value."""
    return not (isinstance(node, ast.Constant) and not isinstance(node.value, str))
