"""Models, endpoint configurations and endpoints: kept as they were asked for, without a container.

Transform and tuning jobs are refused by name (``server.py`` answers ``InternalFailure`` to any
operation that is not here), never pretended.
"""

from __future__ import annotations

import time
from typing import Any

from .errors import ApiError, not_found

# kind → (name member, arn member, what goes into the arn)
_KINDS = {
    "Model": ("ModelName", "ModelArn", "model"),
    "EndpointConfig": ("EndpointConfigName", "EndpointConfigArn", "endpoint-config"),
    "Endpoint": ("EndpointName", "EndpointArn", "endpoint"),
}


class Models:
    """What an account has of each kind."""

    def __init__(self, account: Any) -> None:
        self.account = account
        self.entries: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in _KINDS}

    def create(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        name_member, arn_member, path = _KINDS[kind]
        name, entries = request[name_member], self.entries[kind]
        if name in entries:
            raise ApiError(
                "ValidationException", f'Cannot create already existing {path} "{name}".'
            )
        for wanted in self._references(kind, request):
            if wanted[1] not in self.entries[wanted[0]]:
                raise ApiError("ValidationException", f'Could not find {wanted[0]} "{wanted[1]}".')
        now = time.time()
        arn = self.account.arn(path, name)
        entries[name] = {**request, arn_member: arn, "CreationTime": now}
        if kind == "Endpoint":
            entries[name] |= {"EndpointStatus": "InService", "LastModifiedTime": now}
        return {arn_member: arn}

    def describe(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        entry = self.entries[kind].get(request[_KINDS[kind][0]])
        if entry is None:
            raise not_found()
        return {name: value for name, value in entry.items() if name != "Tags"}

    def delete(self, kind: str, request: dict[str, Any]) -> None:
        if self.entries[kind].pop(request[_KINDS[kind][0]], None) is None:
            raise not_found()

    @staticmethod
    def _references(kind: str, request: dict[str, Any]) -> list[tuple[str, str]]:
        if kind == "Endpoint":
            return [("EndpointConfig", request["EndpointConfigName"])]
        if kind == "EndpointConfig":
            return [("Model", v["ModelName"]) for v in request["ProductionVariants"]]
        return []
