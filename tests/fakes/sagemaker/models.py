"""Models, endpoint configurations and endpoints; an endpoint's container runs as a process."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .errors import ApiError, not_found
from .serving import Container

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
        self.containers: dict[str, Container] = {}
        self.tasks: set[asyncio.Task[None]] = set()

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
            entries[name] |= {"LastModifiedTime": now}
            self._bring_up(name, "Creating")
        return {arn_member: arn}

    def update_endpoint(self, request: dict[str, Any], caller: Any) -> dict[str, Any]:
        entry = self.entries["Endpoint"].get(request["EndpointName"])
        if entry is None:
            raise ApiError("ValidationException", "Could not find endpoint.")
        if request["EndpointConfigName"] not in self.entries["EndpointConfig"]:
            raise ApiError("ValidationException", "Could not find endpoint configuration.")
        entry |= {**request, "LastModifiedTime": time.time()}
        self._bring_up(request["EndpointName"], "Updating")
        return {"EndpointArn": entry["EndpointArn"]}

    def _bring_up(self, name: str, meanwhile: str) -> None:
        entry = self.entries["Endpoint"][name]
        entry["EndpointStatus"] = meanwhile
        config = self.entries["EndpointConfig"][entry["EndpointConfigName"]]
        container = Container(self.account, config["ProductionVariants"][0]["ModelName"])

        async def live() -> None:
            if await container.start():
                entry["EndpointStatus"] = "InService"
                if old := self.containers.get(name):
                    await old.stop()
                self.containers[name] = container
            else:
                entry["EndpointStatus"] = "Failed"
                entry["FailureReason"] = (
                    "The primary container for production variant did not pass the ping health "
                    "check."
                )
                await container.stop()

        task = asyncio.create_task(live())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def describe(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        entry = self.entries[kind].get(request[_KINDS[kind][0]])
        if entry is None and kind == "Endpoint":
            raise ApiError("ValidationException", "Could not find endpoint.")
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
