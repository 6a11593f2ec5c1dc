"""From a notebook to a pipeline: ``read``, ``analyse``, ``plan``, ``write``, ``verify``."""

from .analysing import analyse
from .errors import ExportError
from .model import Analysis, Choices, Notebook, Plan
from .planning import plan
from .reading import read
from .verifying import Verification, verify
from .writing import write

__all__ = [
    "Analysis",
    "Choices",
    "ExportError",
    "Notebook",
    "Plan",
    "Verification",
    "analyse",
    "plan",
    "read",
    "verify",
    "write",
]
