"""``datalab doctor``: look at a cluster before people do, and say what to fix."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from importlib.resources import files

from kubernetes_asyncio import client

from ...catalog import Catalog
from .checks import Check, fits, judged
from .cluster import Cluster, ClusterRefused, ClusterUnavailable, Object
from .diagnosis import diagnose
from .ends import is_over

NEEDED: dict[str, tuple[str, ...]] = {
    "pods": ("get", "list", "watch", "create", "delete"),
    "pods/log": ("get",),
    "secrets": ("get", "list", "create", "delete"),
    "services": ("list", "create", "delete"),
    "persistentvolumeclaims": ("get", "list", "create", "delete"),
    "events": ("list", "watch"),
}
"""What the hub's service account has to be allowed; the same as the chart's Role."""

_OLDEST = (1, 28)
_CLOCK_SECONDS = 5.0
_PROBE_SECONDS = 120.0
_LOOK_EVERY = 0.25
_RELEASE_LABELS = ("app", "release")  # of zero-to-jupyterhub, on the hub and on workspaces
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class Doctor:
    """Examines one namespace of a cluster for a catalog.

    Args:
        storage_class: of the homes; the cluster's default when ``None``.
        hub: URL of the hub as pods reach it, ending in ``/hub``; not tried when ``None``.
    """

    def __init__(
        self,
        cluster: Cluster,
        catalog: Catalog,
        storage_class: str | None = None,
        hub: str | None = None,
    ) -> None:
        self._cluster, self._storage_class, self._hub = cluster, storage_class, hub
        self._catalog = catalog
        self._profiles = [p for p in catalog.profiles if p.backend == "kubernetes"]

    async def examine(self, probe: bool = True) -> AsyncIterator[Check]:
        """Yield one check after the other.

        Args:
            probe: also run a pod of each image of the catalog, and remove it again.
        """
        reached = await self._reached()
        for check in reached:
            yield check
        if not reached[0].well:
            return
        for work in (self._permissions(), self._storage(), self._nodes()):
            async for check in work:
                yield check
        if probe:
            for image in dict.fromkeys(profile.image for profile in self._profiles):
                if image is None:
                    continue
                try:
                    async for check in self._probe(self._catalog.images[image].reference):
                        yield check
                except ClusterRefused as refused:
                    fix = "See the permissions above."
                    yield Check("probe", None, f"not possible: {refused}", fix)

    async def _reached(self) -> list[Check]:
        try:
            version, date = await self._cluster.version()
        except (ClusterUnavailable, ClusterRefused) as error:
            fix = "Check address and credentials of the kubeconfig, and the way there."
            return [Check("API server", False, str(error), fix)]
        number = tuple(int("".join(filter(str.isdigit, version[k]))) for k in ("major", "minor"))
        old = number < _OLDEST
        fix = f"Datalab wants {_OLDEST[0]}.{_OLDEST[1]} or newer." if old else ""
        checks = [Check("API server", not old, f"Kubernetes {version['gitVersion']}", fix)]
        if date:
            skew = abs(parsedate_to_datetime(date).timestamp() - time.time())
            well = skew < _CLOCK_SECONDS
            fix = "" if well else "Let both synchronise with NTP: tokens have times in them."
            checks.append(Check("clock", well, f"{skew:.0f} s from the API server's", fix))
        return checks

    async def _permissions(self) -> AsyncIterator[Check]:
        reviews = client.AuthorizationV1Api(self._cluster.connection)
        missing = []
        for resource, verbs in NEEDED.items():
            name, _, subresource = resource.partition("/")
            for verb in verbs:
                attributes = {"namespace": self._cluster.namespace, "verb": verb, "resource": name}
                attributes |= {"subresource": subresource} if subresource else {}
                body = {"spec": {"resourceAttributes": attributes}}
                answer = await self._cluster.ask(reviews.create_self_subject_access_review, body)
                if not answer["status"]["allowed"]:
                    missing.append(f"{verb} {resource}")
        fix = "Give its account the rules of helm/datalab/templates/rbac.yaml." if missing else ""
        text = f"not allowed: {', '.join(missing)}" if missing else "all that the hub calls"
        yield Check("permissions", not missing, text, fix)

    async def _storage(self) -> AsyncIterator[Check]:
        try:
            api = client.StorageV1Api(self._cluster.connection)
            found = (await self._cluster.ask(api.list_storage_class))["items"]
        except ClusterRefused:
            text = "storage classes cannot be seen with these credentials"
            yield Check("storage", None, text, "Run this with an administrator's kubeconfig.")
            return
        names = [each["metadata"]["name"] for each in found]
        if self._storage_class is not None:
            well = self._storage_class in names
            text = f"storage class {self._storage_class}" + ("" if well else " does not exist")
            fix = "" if well else f"There are: {', '.join(names) or 'none'}."
        else:
            default = [
                each["metadata"]["name"]
                for each in found
                if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
            ]
            well = bool(default)
            text = f"default storage class {default[0]}" if default else "no default storage class"
            fix = "" if well else "Name one for homes (home.storageClass), or make one the default."
        yield Check("storage", well, text, fix)

    async def _nodes(self) -> AsyncIterator[Check]:
        try:
            nodes = await self._cluster.list_everywhere("node")
        except ClusterRefused:
            text = "nodes cannot be seen with these credentials"
            yield Check("nodes", None, text, "Run this with an administrator's kubeconfig.")
            return
        for profile in self._profiles:
            yield fits(profile, nodes)

    async def _probe(self, image: str) -> AsyncIterator[Check]:
        name = f"dl-doctor-{secrets.token_hex(4)}"
        labels = await self._labels()
        started = time.monotonic()
        barred = await self._barred(labels)
        arguments = [self._hub or "", barred]
        created = await self._cluster.create("pod", _pod(name, image, arguments, labels))
        assert created is not None, "the name is random"
        try:
            pod: Object | None = created
            while pod is not None and not is_over(pod) and not _ended_well(pod):
                trouble = diagnose(pod).trouble
                late = time.monotonic() > started + _PROBE_SECONDS
                if late or (trouble is not None and trouble.patience is not None):
                    break
                await asyncio.sleep(_LOOK_EVERY)
                pod = await self._cluster.read("pod", name)
            seconds = time.monotonic() - started
            if pod is None or not _ended_well(pod):
                finding = diagnose(pod)
                text = finding.trouble.sentence if finding.trouble else finding.message
                fix = finding.trouble.hint if finding.trouble else "See kubectl describe pod."
                yield Check(f"image {image}", False, text, fix)
                return
            yield Check(f"image {image}", True, f"fetched and run in {seconds:.0f} s")
            found = json.loads((await self._cluster.log_tail(name, 1)) or "{}")
            for check in judged(found):
                yield check
            if not barred:
                text = "no hub of a Helm release here, whose policies could be tried"
                yield Check("network policy", None, text, "Run this in the release's namespace.")
        finally:
            await self._cluster.delete("pod", name, grace=0)

    async def _labels(self) -> dict[str, str]:
        """Return the labels by which network policies know a workspace.

        Without those of the release no policy of the chart applies to the probe, and it finds
        everything open. The hub's pod has them; with a hub outside the cluster there is none.
        """
        labels = {"component": "singleuser-server", "hub.jupyter.org/network-access-hub": "true"}
        for hub in await self._cluster.list_all("pod", "component=hub"):
            own = hub["metadata"].get("labels") or {}
            labels |= {name: own[name] for name in _RELEASE_LABELS if name in own}
        return labels

    async def _barred(self, labels: dict[str, str]) -> str:
        """Return where the API of the release's proxy listens; empty where there is no release.

        It is the hub's alone: a workspace that gets there is kept from nothing. Instance metadata
        proves less, since on many networks there is none.
        """
        if "release" not in labels:
            return ""
        selector = f"component=proxy-api,release={labels['release']}"
        for service in await self._cluster.list_all("service", selector):
            spec = service["spec"]
            return f"{spec['clusterIP']}:{spec['ports'][0]['port']}"
        return ""


def _ended_well(pod: Object) -> bool:
    """Return whether a probe has done its work; its pod's phase follows a moment later."""
    status = pod.get("status", {})
    states = [one.get("state") or {} for one in status.get("containerStatuses") or []]
    done = [state.get("terminated", {}).get("exitCode") == 0 for state in states]
    return status.get("phase") == "Succeeded" or (bool(done) and all(done))


def _pod(name: str, image: str, arguments: list[str], labels: dict[str, str]) -> Object:
    script = files(__package__).joinpath("probe.py").read_text()
    security = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {
        "name": "notebook",
        "image": image,
        "command": ["python3", "-c", script, *arguments],
        "securityContext": security,
    }
    spec = {
        "containers": [container],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
    }
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}
