"""Which stages draw from the global random generators, and which seed them.

A notebook that never seeds them gives other numbers each time, so there is nothing to hand on. In
one that does, the state has to go from stage to stage as it went from cell to cell.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable

from ..facts.tensors import made_by_tensors
from ..model import Analysis
from ..trees import nodes_in
from . import purity

SKLEARN = purity.names("random_sklearn")
WITH_OPTIONS = {"shuffle", "probability", "solver", "selection", "sample_size"}
NOT_DRAWN = purity.names("not_drawn")
SCIPY = re.compile(r"scipy\.(.*\.)?(rvs|differential_evolution|dual_annealing|basinhopping|shgo"
                   r"|bootstrap|permutation_test|monte_carlo_test|kmeans2?|random)$")  # fmt: skip
SEEDS = re.compile(
    r"(^|\.|_)(seed|manual_seed|set_seed)|^(numpy\.)?random\.set_?state$", re.IGNORECASE
)
MODULES = {"numpy.random", "random", "numpy"}
SEEDED = {"random_state", "seed", "rng", "random_seed"}
# Intervals are bootstrapped, points jittered: with NumPy's global generator.
SEABORN = re.compile(r"seaborn\.((strip|bar|point|line|rel|cat|reg|lm|joint|pair)plot"
                     r"|objects\.(Est|Jitter))$")  # fmt: skip
RUNS = re.compile(r"fit\w*|predict\w*|score\w*|transform|cross_\w+|search|\w+_curve|train\w*|run")
FROM_LIBRARY = purity.HARMLESS_ROOTS | purity.ESTIMATOR_ROOTS | frozenset(sys.stdlib_module_names)

Dotted = Callable[[ast.AST], str]


class Draws:
    """What is known of a notebook's random numbers. ``dotted`` resolves imported names."""

    def __init__(self, analysis: Analysis, dotted: Dotted) -> None:
        self.dotted = dotted
        self.bodies = {
            name: [one.statement.node for one in them if one.kind in ("function", "class")]
            for name, them in analysis.definitions.items()
        }
        self._names: dict[ast.stmt, frozenset[str]] = {}  # that statements mention
        self.methods: set[str] = set()  # of the notebook's classes, that draw
        self.bound = {name for facts in analysis.facts.values() for name in facts.bound}
        nodes = [one.node for cell in analysis.code for one in cell.statements]
        self.unseeded = False
        self.stars = any(
            isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes
        )
        # Keras counts the layers that it names, seeded or not.
        self.seeded = any(self._seeds(node) for node in nodes) or any(
            made_by_tensors(name) for name in analysis.imports
        )
        self.unseeded = any(self._draws(node) for node in nodes)
        self._find_methods()
        self._find_holders(nodes)
        self._asked: dict[ast.stmt, bool] = {}

    def _find_methods(self) -> None:
        """Find methods that draw, themselves or through others."""
        classes = [one for them in self.bodies.values() for one in them]
        methods = [
            method
            for one in classes
            if isinstance(one, ast.ClassDef)
            for method in one.body
            if isinstance(method, ast.FunctionDef)
        ]
        while True:
            before = len(self.methods)
            self.methods |= {
                one.name
                for one in methods
                if not one.name.startswith("__")
                and any(self._draws(part) for part in self._reached([one]))
            }
            if len(self.methods) == before:
                return

    def _find_holders(self, nodes: list[ast.stmt]) -> None:
        """Let variables that hold something that draws stand for it: ``roll = random.random``."""
        for node in nodes:
            for one in nodes_in(node):
                if not isinstance(one, ast.Assign):
                    continue
                called = {id(c.func) for c in nodes_in(one.value) if isinstance(c, ast.Call)}
                drawing = any(
                    (isinstance(body, ast.ClassDef) or id(name) not in called)
                    and any(self._draws(part) for part in self._reached([body]))
                    for name in nodes_in(one.value)
                    if isinstance(name, ast.Name)
                    for body in self.bodies.get(name.id, [])
                )
                if drawing or self._holds_a_drawer(one.value) or self._will_draw(one.value):
                    for target in one.targets:
                        for name in nodes_in(target):
                            if isinstance(name, ast.Name):
                                self.bodies.setdefault(name.id, []).append(one)

    def _holds_a_drawer(self, value: ast.expr) -> bool:
        """Say whether a value may hold a function that draws, not only what one gave."""
        called = {id(one.func) for one in nodes_in(value) if isinstance(one, ast.Call)}
        return any(
            (isinstance(one, ast.Lambda) and self._draws(one.body))
            or (id(one) not in called and self._is_drawer(one))
            for one in nodes_in(value)
        )

    def _will_draw(self, value: ast.expr) -> bool:
        """Say whether a value is a module that draws, or a splitter that draws when it splits."""
        if self.dotted(value) in MODULES:
            return True
        name = self.dotted(value.func) if isinstance(value, ast.Call) else ""
        splits = (
            name.startswith("sklearn.model_selection.") and name.rpartition(".")[2][0].isupper()
        )
        return splits and self._draws(value)

    def _is_drawer(self, node: ast.AST) -> bool:
        """Say whether a name is a function that draws, called or not."""
        if not isinstance(node, ast.Attribute | ast.Name) or not isinstance(node.ctx, ast.Load):
            return False
        name = self.dotted(node)
        module, _, last = name.rpartition(".")
        return (
            module in ("random", "numpy.random")
            and last not in NOT_DRAWN | SEEDED
            and name != "numpy.random.mtrand"
        )

    def used(self, statements: Iterable[ast.stmt]) -> bool:
        """Say whether these statements may draw from, or seed, a generator that counts."""
        return self.seeded and any(self._draws_or_seeds(one) for one in self._reached(statements))

    def _draws_or_seeds(self, node: ast.stmt) -> bool:
        if node not in self._asked:
            self._asked[node] = self._draws(node) or self._seeds(node)
        return self._asked[node]

    def _reached(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        """Return the statements, and the notebook's functions that they mention."""
        found: list[ast.stmt] = []
        seen: set[str] = set()
        waiting = list(statements)
        while waiting:
            node = waiting.pop()
            found.append(node)
            for name in self._names_in(node) - seen:
                seen.add(name)
                waiting += self.bodies.get(name, [])
        return found

    def _names_in(self, node: ast.stmt) -> frozenset[str]:
        if node not in self._names:
            self._names[node] = frozenset(
                one.id for one in nodes_in(node) if isinstance(one, ast.Name)
            )
        return self._names[node]

    def _seeds(self, node: ast.AST) -> bool:
        return any(
            isinstance(one, ast.Call) and bool(SEEDS.search(self._called(one)))
            for one in nodes_in(node)
        )

    def _called(self, node: ast.Call) -> str:
        name = self.dotted(node.func)
        if name:
            return name
        if isinstance(node.func, ast.Attribute):
            return node.func.attr
        return node.func.id if isinstance(node.func, ast.Name) else ""

    def _draws(self, node: ast.AST) -> bool:
        for one in nodes_in(node):
            if isinstance(one, ast.Call) and self._call_draws(one):
                return True
            if isinstance(one, ast.Attribute | ast.Name) and SEABORN.match(self.dotted(one)):
                return True
            if self._is_drawer(one):
                return True
            module = isinstance(one, ast.Assign) and self.dotted(one.value)
            if module in MODULES:
                return True
        return False

    def _call_draws(self, node: ast.Call) -> bool:
        name = self.dotted(node.func)
        last = name.rsplit(".", 1)[-1]
        words = {word.arg for word in node.keywords}
        given = any(
            word.arg in SEEDED
            and not (isinstance(word.value, ast.Constant) and word.value.value is None)
            for word in node.keywords
        )
        if not name:
            if isinstance(node.func, ast.Name):
                return self.stars and node.func.id not in self.bound
            if isinstance(node.func, ast.Attribute):
                if node.func.attr in self.methods:
                    return True
                if node.func.attr in ("sample", "rvs", "resample") and not given:
                    return True
                return self.unseeded and bool(RUNS.fullmatch(node.func.attr))
            return False
        root = name.split(".")[0]
        if name.startswith(("random.", "numpy.random.")):
            return last not in NOT_DRAWN and not self._seeds(node)
        if root in ("sklearn", "imblearn"):
            if last in SKLEARN or root == "imblearn":
                return not given
            if words & WITH_OPTIONS and not given:
                return True
            return self.unseeded and bool(RUNS.fullmatch(last))
        if root == "scipy":
            return bool(SCIPY.match(name)) and not given
        if "." in name or root in self.bound:
            return root not in FROM_LIBRARY
        return False
