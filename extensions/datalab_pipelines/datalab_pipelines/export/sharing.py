"""Which definitions of a notebook mean the same everywhere: they go to ``shared.py``.

An import, an immutable constant, a function or class is *shared* when it is bound once and reads
nothing but builtins and other shared names. A function that reads variables is *carried*: said
again in every stage that needs it, where it sees that stage's variables, as it did in the notebook.
Everything else keeps its cells together.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from .model import CodeCell, Definition
from .names import Flow, scope_of

BUILTINS = frozenset(dir(builtins))
LOOKING = {
    "len",
    "sum",
    "min",
    "max",
    "sorted",
    "list",
    "tuple",
    "set",
    "range",
    "any",
    "all",
    "str",
}
CONSUMERS = {
    *("sum", "max", "min", "any", "all", "sorted", "list", "tuple", "set", "dict", "frozenset"),
    *("Counter", "join", "sort", "sort_values", "apply", "applymap", "agg", "transform", "assign"),
    *("array", "fromiter", "mean", "stdev", "len", "print", "nlargest", "nsmallest", "reduce"),
    *("prod", "extend", "update", "quantify", "first"),
}
NUMBERS = {"sum", "max", "min", "len", "int", "float", "abs", "round", "str", "bool", "tuple"}
GENERICS = {
    *("List", "Dict", "Set", "Tuple", "Optional", "Union", "Callable", "Iterable", "Iterator"),
    *("Sequence", "Mapping", "FrozenSet", "Literal", "Any", "Type", "Deque", "DefaultDict"),
    *("list", "dict", "set", "tuple", "frozenset", "type", "Counter", "Collection", "Container"),
}
MAKERS = {
    "namedtuple",
    "Path",
    "PurePath",
    "timedelta",
    "Decimal",
    "Fraction",
    "TypeVar",
    "NewType",
}
IMPORTS = (ast.Import, ast.ImportFrom)
FIELDS = {"field", "auto", "property", "staticmethod", "classmethod", "Field"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def root_of(node: ast.AST) -> str:
    """Return the name that ``a.b[c].d`` begins with, or nothing."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def changed_roots(tree: ast.AST) -> set[str]:
    """Return names of which an attribute or element is set or deleted somewhere in ``tree``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            found.add(root_of(node))
        if isinstance(node, ast.Call) and root_of(node.func) in ("setattr", "delattr"):
            found |= {root_of(one) for one in node.args[:1]}
    return found


def bindings(code: list[CodeCell]) -> dict[str, list[ast.stmt]]:
    """Return the statements that bind, or delete, each name."""
    found: dict[str, list[ast.stmt]] = {}
    for cell in code:
        for statement in cell.statements:
            flow = Flow()
            flow.statement(statement.node)
            for name in flow.definite | flow.maybe | flow.deleted:
                found.setdefault(name, []).append(statement.node)
            for node in ast.walk(statement.node):
                if isinstance(node, ast.Global):
                    for name in node.names:  # bound by a function: never once only
                        found.setdefault(name, []).extend([statement.node] * 2)
    return found


def constant(node: ast.AST | None) -> bool:
    """Say whether ``node`` is written out and cannot be changed."""
    if isinstance(node, ast.UnaryOp):
        return constant(node.operand)
    if isinstance(node, ast.Tuple):
        return all(constant(one) for one in node.elts)
    return node is None or isinstance(node, ast.Constant)


def candidates(code: list[CodeCell]) -> Iterator[Definition]:
    """Yield every definition at the top of a cell."""
    for cell in code:
        for one in cell.statements:
            node = one.node
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.split(".")[0]
                    yield Definition(name, "import", cell.index, one)
            elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
                for alias in node.names:
                    if alias.name != "*":
                        yield Definition(alias.asname or alias.name, "import", cell.index, one)
            elif isinstance(node, Function | ast.ClassDef):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                yield _with_names(Definition(node.name, kind, cell.index, one))
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name) and isinstance(node.value, ast.Lambda):
                    yield _with_names(Definition(target.id, "function", cell.index, one))
                elif isinstance(target, ast.Name) and constant(node.value):
                    yield Definition(target.id, "constant", cell.index, one)
                elif isinstance(target, ast.Name) and _is_type(node.value):
                    used = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
                    used -= BUILTINS
                    yield Definition(target.id, "constant", cell.index, one, set(used), set(used))
                elif isinstance(target, ast.Name) and _made_of_constants(node.value):
                    root = {root_of(getattr(node.value, "func", node.value))}
                    yield Definition(target.id, "constant", cell.index, one, set(root), set(root))


def _is_type(node: ast.expr) -> bool:
    """Say whether it is a type by its form: ``list[int]``, ``Tuple[Card, ...]``, ``int | None``."""
    if isinstance(node, ast.Subscript):
        generic = _short(node.value) in GENERICS
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return generic and all(isinstance(one, ast.Name) or _is_type(one) for one in inner)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return all(_is_type(one) or _is_none(one) for one in (node.left, node.right))
    if isinstance(node, ast.Constant):
        return node.value is ...
    return isinstance(node, ast.Name) and isinstance(getattr(builtins, node.id, None), type)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _made_of_constants(node: ast.expr) -> bool:
    """Say whether it is something unchangeable that a library makes of constants: a path."""
    if not isinstance(node, ast.Call) or not root_of(node.func):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else root_of(node.func)
    given = [*node.args, *(word.value for word in node.keywords)]
    return name in MAKERS and all(constant(one) or _of_constants(one) for one in given)


def _with_names(found: Definition) -> Definition:
    flow = Flow()
    flow.statement(found.statement.node)
    found.early = set(flow.exposed)
    node = found.statement.node
    inner = node.value if isinstance(node, ast.Assign) else node
    found.free = set(scope_of(inner).reads) | found.early
    found.free.discard(found.name)
    return found


def divide(
    code: list[CodeCell], excluded: set[str], *, all_apart: bool = False
) -> dict[str, list[Definition]]:
    """Return the definitions by name, marked as shared, carried, or neither.

    ``excluded`` are names that are parameters; with ``all_apart`` nothing is shared.
    """
    found: dict[str, list[Definition]] = {}
    for one in candidates(code):
        found.setdefault(one.name, []).append(one)
    bound = bindings(code)
    changed: set[str] = set()
    for cell in code:
        for statement in cell.statements:
            changed |= changed_roots(statement.node)
    changed |= _other_names(code, changed)
    good: set[str] = set()
    for name, them in found.items():
        # A builtin that is bound anew is the builtin until then, so it cannot come from elsewhere.
        own = name not in excluded and not hasattr(builtins, name)
        fit = own and not all_apart and _once(them, bound[name])
        still = name not in changed and not them[0].early & changed
        if fit and (them[0].kind == "import" or (still and _sound(them[0], bound))):
            good.add(name)
    while True:
        bad = {
            name
            for name in good
            if any(one in bound and one not in good for one in found[name][0].free)
        }
        if not bad:
            break
        good -= bad
    for name, them in found.items():
        for one in them:
            one.shared = name in good
            one.carried = (
                not one.shared
                and one.kind == "function"
                and name not in excluded
                and _once(them, bound[name])
                and name not in changed
                and not one.early & changed
                and _sound(one, bound)
                and all(early in good or early not in bound for early in one.early)
                and not _captures(one, good, set(bound))
            )
    return found


def reached(one: Definition, definitions: dict[str, list[Definition]]) -> set[str]:
    """Return every name that a definition reads, itself or through others."""
    found: set[str] = set()
    waiting = [one]
    while waiting:
        for name in waiting.pop().free:
            if name not in found:
                found.add(name)
                waiting += definitions.get(name, [])
    return found


def _other_names(code: list[CodeCell], changed: set[str]) -> set[str]:
    """Return names whose object is changed through another name: ``d = C``, ``d.x = 1``."""
    return {
        node.value.id
        for cell in code
        for one in cell.statements
        for node in ast.walk(one.node)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and any(root_of(target) in changed for target in node.targets)
    }


def _once(them: list[Definition], bound: list[ast.stmt]) -> bool:
    if len(bound) == len(them):  # said again in the same words, it is the same
        return len({ast.dump(one.statement.node) for one in them}) == 1
    return len(bound) == 1


def _sound(one: Definition, bound: dict[str, list[ast.stmt]]) -> bool:
    """Say whether nothing changes when the statement runs once more."""
    node = one.statement.node
    if isinstance(node, ast.Assign):
        if isinstance(node.value, ast.Call):
            makers = bound.get(root_of(node.value.func), [])
            return bool(makers) and all(isinstance(b, IMPORTS) for b in makers)
        if not isinstance(node.value, ast.Lambda):
            return True
        return _sound_defaults(node.value)
    assert isinstance(node, Function | ast.ClassDef)
    for decorator in node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        short = _short(named)
        if ("cache" in short or "memo" in short) and not _gives_unchangeable(node):
            return False  # what it keeps may be changed
        binds = bound.get(root_of(named), [])
        if not all(isinstance(b, IMPORTS) for b in binds):
            return False
    if isinstance(node, Function):
        return _sound_defaults(node)
    return _sound_class(node)


def _short(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else root_of(node)


def _gives_unchangeable(node: ast.AST) -> bool:
    """Say whether all that a function returns is made by operators and functions of numbers."""
    made = ast.BinOp | ast.BoolOp | ast.Compare | ast.UnaryOp | ast.IfExp | ast.Tuple
    passed = (ast.Constant, ast.operator, ast.boolop, ast.cmpop, ast.unaryop, ast.expr_context)
    name = getattr(node, "name", "")

    def fine(value: ast.AST | None) -> bool:
        if value is None or isinstance(value, passed):
            return True
        if isinstance(value, ast.Call):
            return root_of(value.func) in {*NUMBERS, name} and isinstance(value.func, ast.Name)
        if isinstance(value, made):
            return all(fine(one) for one in ast.iter_child_nodes(value))
        return isinstance(value, ast.Name) and value.id in arguments

    arguments = {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
    returns = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
    return isinstance(node, ast.FunctionDef) and all(fine(one) for one in returns)


def _sound_defaults(function: ast.AST) -> bool:
    """Say whether the defaults of a function are the same objects' worth wherever it is said.

    A name or attribute is: it is among what the definition reads early, which has to be shared. So
    is a list or dictionary of constants that the function only looks at.
    """
    assert isinstance(function, Function | ast.Lambda)
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(named), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return all(
        constant(default)
        or (isinstance(default, ast.Name | ast.Attribute) and root_of(default) != "")
        or (_of_constants(default) and _only_looked_at(function, argument.arg))
        for argument, default in pairs
    )


def _of_constants(node: ast.AST | None) -> bool:
    if isinstance(node, ast.List | ast.Set | ast.Tuple):
        return all(constant(one) or _of_constants(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(constant(one) and one is not None for one in [*node.keys, *node.values])
    return False


def _only_looked_at(function: ast.AST, name: str) -> bool:
    """Say whether the function neither changes the object of an argument nor hands it on."""
    for node in ast.walk(function):
        for field, child in ast.iter_fields(node):
            children = child if isinstance(child, list) else [child]
            for one in children:
                if not (isinstance(one, ast.Name) and one.id == name):
                    continue
                if isinstance(one.ctx, ast.Load) and not _looks(node, field):
                    return False
    return True


def _looks(node: ast.AST, field: str) -> bool:
    if isinstance(node, ast.Subscript):
        return field == "value" and isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Call):
        return field == "args" and root_of(node.func) in LOOKING
    return isinstance(node, ast.For | ast.comprehension | ast.Compare | ast.BinOp | ast.If)


def _sound_class(node: ast.ClassDef) -> bool:
    for one in node.body:
        if isinstance(one, Function):
            if not _sound_defaults(one) or _changes_class(one, node.name):
                return False
        elif isinstance(one, ast.Assign | ast.AnnAssign):
            value = one.value
            if isinstance(value, ast.Call) and root_of(value.func) not in FIELDS:
                return False
            if not (constant(value) or isinstance(value, ast.Name | ast.Lambda | ast.Call)):
                return False
        elif not isinstance(one, ast.Pass) and not (
            isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
        ):
            return False
    return True


def _changes_class(function: ast.AST, name: str) -> bool:
    if changed_roots(function) & {"cls", name}:
        return True
    for one in ast.walk(function):
        if isinstance(one, ast.Attribute) and one.attr == "__class__":
            return True
        if isinstance(one, ast.Call) and root_of(one.func) in ("type", "setattr"):
            return True
    return False


def _captures(one: Definition, good: set[str], bound: set[str]) -> bool:
    """Say whether it may give away a function that reads variables."""
    node = one.statement.node
    inside = node.value if isinstance(node, ast.Assign) else node
    consumed = {
        id(given)
        for call in ast.walk(inside)
        if isinstance(call, ast.Call) and _short(call.func) in CONSUMERS
        for given in [*call.args, *(word.value for word in call.keywords)]
    }
    for part in ast.walk(inside):
        if id(part) in consumed:
            continue
        nested = isinstance(part, ast.Lambda | Function | ast.ClassDef | ast.GeneratorExp)
        if part is not inside and nested:
            assert isinstance(part, ast.stmt | ast.expr)
            if (set(scope_of(part).reads) & bound) - good:
                return True
    return False
