"""Objects with resource versions, and their history for watches: what etcd is to an API server."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .selectors import Matcher

Object = dict[str, Any]

KINDS = {
    "pods": "Pod",
    "services": "Service",
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "events": "Event",
    "nodes": "Node",
    "namespaces": "Namespace",
}
BOOKMARK = "BOOKMARK"


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ApiError(Exception):
    """An answer that is not 2xx; becomes a ``Status`` object.

    Args:
        status: HTTP status.
        reason: CamelCase word, as in ``metav1.StatusReason``.
        message: for people.
        retry_after: seconds, for the header.
    """

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.retry_after = retry_after

    def body(self) -> Object:
        """Return the ``Status`` object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        }


@dataclass(frozen=True)
class Change:
    """One step of the history."""

    version: int
    plural: str
    type: str
    object: Object
    before: Object | None


class Store:
    """All objects of one fake cluster.

    Attributes:
        version: the newest resource version.
        oldest: versions before this one are compacted away: a watch from there gets 410 Gone.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.version = 1000
        self.oldest = 1000
        self._history: list[Change] = []
        self._changed = asyncio.Condition()

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        """Return a copy of an object."""
        return copy.deepcopy(self.objects.get((plural, namespace, name)))

    def get(self, plural: str, namespace: str, name: str) -> Object:
        """Return a copy of an object, or raise 404."""
        found = self.find(plural, namespace, name)
        if found is None:
            raise ApiError(404, "NotFound", f'{plural} "{name}" not found')
        return found

    def list(self, plural: str, namespace: str | None, matches: Matcher) -> list[Object]:
        """Return copies of the objects that match, in one namespace or in all."""
        return [
            copy.deepcopy(obj)
            for (kind, where, _), obj in sorted(self.objects.items(), key=lambda item: item[0])
            if kind == plural and namespace in (None, where) and matches(obj)
        ]

    async def create(self, plural: str, namespace: str, body: Object) -> Object:
        """Store a new object with uid, version and time, or raise 409."""
        obj = copy.deepcopy(body)
        metadata = obj.setdefault("metadata", {})
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        name = metadata["name"]
        if (plural, namespace, name) in self.objects:
            raise ApiError(409, "AlreadyExists", f'{plural} "{name}" already exists')
        metadata |= {
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": now(),
        }
        obj |= {"kind": KINDS[plural], "apiVersion": "v1"}
        return await self._put("ADDED", plural, obj)

    async def update(self, plural: str, obj: Object) -> Object | None:
        """Store a new version of an object; ``None`` when it is gone or another one by now."""
        metadata = obj["metadata"]
        known = self.objects.get((plural, metadata["namespace"], metadata["name"]))
        if known is None or known["metadata"]["uid"] != metadata["uid"]:
            return None
        return await self._put("MODIFIED", plural, obj)

    async def remove(self, plural: str, namespace: str, name: str) -> Object | None:
        """Take an object away, and then what names it as its owner."""
        obj = self.objects.pop((plural, namespace, name), None)
        if obj is None:
            return None
        await self._note("DELETED", plural, copy.deepcopy(obj), obj)
        uid = obj["metadata"]["uid"]
        for (kind, where, dependent), other in list(self.objects.items()):
            owners = other["metadata"].get("ownerReferences") or []
            if any(owner["uid"] == uid for owner in owners):
                await self.remove(kind, where, dependent)
        return obj

    def compact(self) -> None:
        """Forget the history: every version from before now is too old."""
        self.oldest = self.version
        self._history.clear()

    async def watch(
        self, plural: str, namespace: str | None, matches: Matcher, since: int
    ) -> AsyncIterator[tuple[str, Object]]:
        """Yield (type, object) for each change after a version, for ever.

        Raises:
            ApiError: 410, when the version is compacted away, also in the middle.
        """
        while True:
            if since < self.oldest:
                raise ApiError(410, "Expired", f"too old resource version: {since}")
            for change in [change for change in self._history if change.version > since]:
                since = change.version
                if change.plural != plural:
                    continue
                if namespace not in (None, change.object["metadata"]["namespace"]):
                    continue
                if (kind := _seen(change, matches)) is not None:
                    yield kind, change.object
            async with self._changed:
                while self.oldest <= since >= self.version:
                    await self._changed.wait()

    async def _put(self, kind: str, plural: str, obj: Object) -> Object:
        metadata = obj["metadata"]
        key = (plural, metadata["namespace"], metadata["name"])
        before = self.objects.get(key)
        obj = copy.deepcopy(obj)
        self.objects[key] = obj
        await self._note(kind, plural, obj, before)
        return copy.deepcopy(obj)

    async def _note(self, kind: str, plural: str, obj: Object, before: Object | None) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._history.append(Change(self.version, plural, kind, copy.deepcopy(obj), before))
        async with self._changed:
            self._changed.notify_all()


def _seen(change: Change, matches: Matcher) -> str | None:
    """Return what a watcher with this selector sees: entering it is ADDED, leaving it DELETED."""
    now_in = change.type != "DELETED" and matches(change.object)
    was_in = change.before is not None and matches(change.before)
    if now_in:
        return "MODIFIED" if was_in else "ADDED"
    return "DELETED" if was_in else None
