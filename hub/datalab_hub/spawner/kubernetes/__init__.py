"""Workspaces as pods on Kubernetes.

* ``platform``: settings, the connection and the watches that all workspaces share
* ``backend``: the life of one workspace
* ``waiting``: until its server answers, or why it does not
* ``configuration``, ``cluster``, ``mirror``: the way to the API server, and a copy of it that is
  kept up to date
* ``maker``, ``traits``, ``homes``, ``pinning``, ``privacy``: from profile and ``c.KubeSpawner`` to
  manifests
* ``diagnosis``, ``scheduling``, ``images``, ``refusals``, ``findings``: from what Kubernetes says
  to a sentence for the person
* ``doctor``, ``checks``, ``probe``: look at a cluster before people do
"""

from .backend import KubernetesBackend
from .platform import KubernetesPlatform

__all__ = ["KubernetesBackend", "KubernetesPlatform"]
