"""From a notebook to a pipeline: ``read``, ``analyse``, ``plan``, ``verify``, and the export."""

from .analysing import analyse
from .errors import ExportError
from .exporting import Exported, export_project
from .git.merging import MergeConflict
from .git.options import GitOptions
from .model import Analysis, Choices, Notebook, Plan
from .planning import plan
from .project import ProjectOptions, render_project, write
from .reading import read
from .state import GitState, git_state
from .verifying import Verification, verify

__all__ = [
    "Analysis",
    "Choices",
    "ExportError",
    "Exported",
    "GitOptions",
    "GitState",
    "MergeConflict",
    "Notebook",
    "Plan",
    "ProjectOptions",
    "Verification",
    "analyse",
    "export_project",
    "git_state",
    "plan",
    "read",
    "render_project",
    "verify",
    "write",
]
