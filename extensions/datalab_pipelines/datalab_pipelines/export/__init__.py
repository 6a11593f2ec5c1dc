"""From a notebook to a pipeline: ``read``, ``analyse``, ``plan``, ``verify``, and the export."""

from .cells.reading import read
from .errors import ExportError
from .exporting import Exported, export_project
from .facts.analysing import analyse
from .git.merging import MergeConflict
from .git.options import GitOptions
from .model import Analysis, Choices, Notebook, Plan
from .plans.planning import plan
from .projects.project import ProjectOptions, render_project, write
from .projects.state import GitState, git_state
from .proof.verifying import Verification, verify

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
