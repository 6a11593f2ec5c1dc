"""Notebooks with one thing wrong: what a proof has to notice.

``mutants`` makes them from the cells of a notebook, ``unwired`` from the files of its project.
"""

import ast
import copy
import pickle

import cloudpickle

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
DROPPED = ast.Expr | ast.Assign | ast.AugAssign | ast.Return | ast.Delete


def mutants(cells):
    """Yield (what is wrong, the cells) for every place where something can go wrong."""
    for at, source in enumerate(cells):
        tree = _python(source)
        if tree is None:
            continue
        for number, node in enumerate(ast.walk(tree)):
            for what, change in _changes(node):
                other = copy.deepcopy(tree)
                twin = list(ast.walk(other))[number]
                change(twin)
                text = ast.unparse(ast.fix_missing_locations(other))
                if source.rstrip().endswith(";"):
                    text += ";"
                if text != ast.unparse(tree):
                    line = getattr(node, "lineno", 1)
                    yield f"cell {at} line {line}: {what}", [*cells[:at], text, *cells[at + 1 :]]


def _python(source):
    if source.startswith(("# ", "## ", "%", "!")):
        return None
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def _changes(node):
    if isinstance(node, ast.Constant):
        yield from _constants(node)
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in OPERATORS:
        other = OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} is {other.__name__}", lambda n: setattr(n, "op", other())
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPERATORS:
        other = OPERATORS[type(node.ops[0])]
        name = type(node.ops[0]).__name__
        yield f"{name} is {other.__name__}", lambda n: n.ops.__setitem__(0, other())
    if isinstance(node, ast.Call) and len(node.args) > 1:
        yield "two arguments change places", _swap
    for field in ("body", "orelse"):
        body = getattr(node, field, None)
        for index, one in enumerate(body if isinstance(body, list) else ()):
            says = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            if isinstance(one, DROPPED) and not says:
                yield f"without `{ast.unparse(one)[:50]}`", _dropping(field, index)


def _constants(node):
    value = node.value
    if isinstance(value, bool):
        yield f"{value} is {not value}", lambda n: setattr(n, "value", not value)
    elif isinstance(value, int | float):
        yield f"{value} is {value + 1}", lambda n: setattr(n, "value", value + 1)
    elif isinstance(value, str) and value and "\n" not in value:
        yield f"{value!r} is longer", lambda n: setattr(n, "value", value + "x")


def _swap(node):
    node.args[0], node.args[1] = node.args[1], node.args[0]


def _dropping(field, index):
    return lambda node: getattr(node, field).__setitem__(index, ast.Pass())


def unwired(source):
    """Yield (what is wrong, the text) of ``pipeline.py`` or a stage's module wired wrongly."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for what, change in _wires(node):
            other = copy.deepcopy(tree)
            change(list(ast.walk(other))[number])
            text = ast.unparse(ast.fix_missing_locations(other))
            if text != ast.unparse(tree):
                yield f"line {getattr(node, 'lineno', 0)}: {what}", text


def _wires(node):
    if isinstance(node, ast.FunctionDef) and len(node.args.args) > 1:
        first, second = node.args.args[:2]
        yield f"{first.arg} and {second.arg} change places", _swap_parameters
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in ("restore_random_state", "end_of_cell"):
            yield f"without {node.func.id}()", _without_call
        if len(node.args) > 1 and all(isinstance(one, ast.Name) for one in node.args):
            yield f"two arguments of {node.func.id} change places", _swap


def _swap_parameters(node):
    first, second = node.args.args[:2]
    first.arg, second.arg = second.arg, first.arg


def _without_call(node):
    node.func, node.args = ast.Name("str", ast.Load()), []


def outcome(variables):
    """Return what tells two runs apart, without the exporter's own digests."""
    found = {}
    for name, value in variables.items():
        if not name.startswith("__"):
            try:
                found[name] = cloudpickle.dumps(value)
            except (TypeError, pickle.PicklingError, AttributeError):
                found[name] = b"?"
    return found
