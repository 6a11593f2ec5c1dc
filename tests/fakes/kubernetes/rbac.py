"""What a Role and a ClusterRole grant, decided as an API server decides it.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import Call


@dataclass(frozen=True)
class Grants:
    """What one service account may do: (verb, resource) pairs of the core API group.

    Attributes:
        inside: in the role's own namespace.
        everywhere: in all namespaces, and on what has none.
    """

    namespace: str
    inside: frozenset[tuple[str, str]]
    everywhere: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, namespace: str, manifests: Iterable[dict[str, Any]]) -> Grants:
        """Read the Roles and ClusterRoles among rendered manifests."""
        found: dict[str, set[tuple[str, str]]] = {"Role": set(), "ClusterRole": set()}
        for manifest in manifests:
            if manifest["kind"] in found:
                for rule in manifest["rules"]:
                    assert rule["apiGroups"] == [""], "the fake knows the core group only"
                    found[manifest["kind"]] |= {
                        (verb, resource) for verb in rule["verbs"] for resource in rule["resources"]
                    }
        return cls(namespace, frozenset(found["Role"]), frozenset(found["ClusterRole"]))

    def allow(self, call: Call) -> bool:
        """Return whether a call is granted."""
        asked = (call.verb, call.resource)
        if call.resource == "version" or asked in self.everywhere:
            return True
        return call.namespace == self.namespace and asked in self.inside
