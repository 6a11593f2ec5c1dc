"""Statements that seed random generators and do nothing else: ``np.random.seed(0)``.

Their effect goes from stage to stage with the state of the generators, so they are not said again.
"""

from __future__ import annotations

import ast
import re

from ..model import Definition
from .naming import dotted

SEEDS = re.compile(
    r"((numpy\.)?random|torch(\.cuda|\.mps)?|tensorflow(\.random)?|tf\.random|keras\.utils)"
    r"\.(seed|(set_)?(random_)?seed|manual_seed(_all)?|set_random_seed)"
    r"|.*\.(use_deterministic_algorithms|enable_op_determinism|seed_everything)"
)
# How the libraries draw, not what: nothing in a notebook reads them back.
WAYS = re.compile(
    r"environ\[.(PYTHONHASHSEED|TF_\w*DETERMINISTIC\w*|CUBLAS_WORKSPACE_CONFIG"
    r"|CUDA_LAUNCH_BLOCKING).\]$|^torch\.backends\.cudnn\.\w+$"
)


def only_seeds(
    node: ast.stmt, definitions: dict[str, list[Definition]], resolve: dict[str, str]
) -> bool:
    """Say whether a statement seeds, itself or by a function of the notebook that only seeds."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    if isinstance(call.func, ast.Name) and call.func.id in definitions:
        them = definitions[call.func.id]
        if len(them) == 1 and them[0].kind == "function" and them[0].shared:
            return seeder(them[0].statement.node, resolve)
    return bool(SEEDS.fullmatch(dotted(call.func, resolve)))


def seeder(node: ast.stmt, resolve: dict[str, str]) -> bool:
    """Say whether it is a function that seeds, and says at most how libraries are to draw."""
    if not isinstance(node, ast.FunctionDef):
        return False
    parts = [part for one in node.body for part in _parts(one)]
    seeds = [one for one in parts if only_seeds(one, {}, resolve)]
    return bool(seeds) and all(one in seeds or _says_how(one) for one in parts)


def _parts(node: ast.stmt) -> list[ast.stmt]:
    """Return a statement, or what stands under an ``if torch.cuda.is_available()``."""
    if isinstance(node, ast.If):
        return [part for one in [*node.body, *node.orelse] for part in _parts(one)]
    return [node]


def _says_how(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return all(WAYS.search(ast.unparse(one)) for one in node.targets)
    said = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return said or isinstance(node, ast.Pass | ast.Import | ast.ImportFrom)
