"""What a hub writes down about a job, and what it reads back after a restart."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Step(StrEnum):
    """How far a workspace has come. Each is written down *before* the call that it is named for.

    ::

        prepared → secret → created → registered → running → stopping
                                          ↑           │
                                          └ interrupted
    """

    PREPARED = "prepared"
    SECRET = "secret"
    CREATED = "created"
    REGISTERED = "registered"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    STOPPING = "stopping"


@dataclass
class JobState:
    """One job. Holds no secret: of the registration secret there is only a hash.

    Attributes:
        ip, port: what it registered.
        via: ``host:port`` where the proxy finds it, if not there: the gateway.
        tls: whether it speaks TLS.
        boots: how many interruptions had been seen when it last registered.
    """

    job: str
    region: str | None
    step: Step = Step.PREPARED
    secret_hash: str = ""
    ip: str | None = None
    port: int | None = None
    boots: int = 0
    via: str = ""
    tls: bool = False

    @property
    def url(self) -> str:
        """Where the proxy finds the workspace; only after it has registered."""
        assert self.ip is not None, f"{self.job} has not registered"
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{'https' if self.tls else 'http'}://{self.via or f'{host}:{self.port}'}"

    @property
    def via_port(self) -> int:
        """The port of the gateway; 0: there is none."""
        return int(self.via.rpartition(":")[2] or 0)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> JobState:
        """Read what this or another release wrote: what it does not know is left out."""
        known = {field.name for field in fields(cls)}
        state = cls(**{name: value for name, value in values.items() if name in known})
        state.step = Step(state.step)
        return state
