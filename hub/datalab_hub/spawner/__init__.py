"""From a click to a running workspace.

``workspace_spawner`` is what JupyterHub sees; ``backend`` is what a platform has to provide;
``local`` (and ``kubernetes``, ``sagemaker``) provide it; ``reconcile`` cleans up after crashes.
"""

from .backend import Backend, Phase, Platform, Resource, WorkspaceContext
from .workspace_spawner import WorkspaceSpawner

__all__ = ["Backend", "Phase", "Platform", "Resource", "WorkspaceContext", "WorkspaceSpawner"]
