"""A small Kubernetes: an API server over real HTTP, and a kubelet that plays lives of pods.

``kubernetes_asyncio`` and KubeSpawner talk to it unmodified. What it may do is what real clusters
do; see each module. It knows the namespaced kinds that a hub touches, and nodes.

* ``selectors``: label and field selectors
* ``store``: objects, resource versions, history, watches, 410 Gone, owner references
* ``faults``: what can be made to go wrong between client and server
* ``watches``: streams, bookmarks
* ``objects``: validation and patches
* ``rbac``: what a Role grants
* ``server``: HTTP, verbs, validation, the record of calls
* ``kubelet``: plays the lives of pods and ends them
* ``lives``: what becomes of a pod: healthy, unschedulable, image not found, killed, …
* ``containers``: what runs in a running pod: a small HTTP server, or the real workspace
"""

from .containers import SmallServer
from .faults import Faults
from .rbac import Grants
from .server import Call, FakeKubernetes
from .store import ApiError

__all__ = ["ApiError", "Call", "FakeKubernetes", "Faults", "Grants", "SmallServer"]
