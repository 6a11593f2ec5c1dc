"""Which stages draw from the global random generators, and which seed them.

A notebook that never seeds them gives other numbers each time, so there is nothing to hand on. In
one that does, the state has to go from stage to stage as it went from cell to cell.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable

from ..model import Analysis
from . import purity

SKLEARN = purity.names("random_sklearn")
WITH_OPTIONS = {"shuffle", "probability", "solver", "selection", "sample_size"}
NOT_DRAWN = purity.names("not_drawn")
SCIPY = re.compile(r"scipy\.(.*\.)?(rvs|differential_evolution|dual_annealing|basinhopping|shgo"
                   r"|bootstrap|permutation_test|monte_carlo_test|kmeans2?|random)$")  # fmt: skip
SEEDS = re.compile(r"(^|\.|_)(seed|manual_seed|set_seed)", re.IGNORECASE)
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
        self.bound = {name for facts in analysis.facts.values() for name in facts.bound}
        nodes = [one.node for cell in analysis.code for one in cell.statements]
        self.unseeded = False
        self.stars = any(
            isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in nodes
        )
        self.seeded = any(self._seeds(node) for node in nodes)
        self.unseeded = any(self._draws(node) for node in nodes)

    def used(self, statements: Iterable[ast.stmt]) -> bool:
        """Say whether these statements may draw from, or seed, a generator that counts."""
        return self.seeded and any(
            self._draws(one) or self._seeds(one) for one in self._reached(statements)
        )

    def _reached(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        """Return the statements, and the notebook's functions that they mention."""
        found: list[ast.stmt] = []
        seen: set[str] = set()
        waiting = list(statements)
        while waiting:
            node = waiting.pop()
            found.append(node)
            names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            for name in names - seen:
                waiting += self.bodies.get(name, [])
            seen |= names
        return found

    def _seeds(self, node: ast.AST) -> bool:
        return any(
            isinstance(one, ast.Call) and bool(SEEDS.search(self._called(one)))
            for one in ast.walk(node)
        )

    def _called(self, node: ast.Call) -> str:
        name = self.dotted(node.func)
        if name:
            return name
        if isinstance(node.func, ast.Attribute):
            return node.func.attr
        return node.func.id if isinstance(node.func, ast.Name) else ""

    def _draws(self, node: ast.AST) -> bool:
        for one in ast.walk(node):
            if isinstance(one, ast.Call) and self._call_draws(one):
                return True
            if isinstance(one, ast.Attribute | ast.Name) and SEABORN.match(self.dotted(one)):
                return True
            module = isinstance(one, ast.Assign) and self.dotted(one.value)
            if module in ("numpy.random", "random", "numpy"):
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
