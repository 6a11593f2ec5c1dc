"""A notebook becomes a pipeline project: read, analyse, plan, write."""

from .analysis import analyse
from .errors import ExportError
from .model import Analysis, Choices, Notebook, Plan
from .planning import plan
from .project import write
from .reading import read

__all__ = [
    "Analysis",
    "Choices",
    "ExportError",
    "Notebook",
    "Plan",
    "analyse",
    "plan",
    "read",
    "write",
]
