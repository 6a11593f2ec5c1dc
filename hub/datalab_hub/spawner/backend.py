"""What a platform has to provide to run workspaces.

Two small classes per platform. A :class:`Platform` is what one hub shares between all its
workspaces there (a client, a watch, a standby pool); a :class:`Backend` runs one workspace.
``tests/contract`` holds the suite that every backend has to pass, and its docstrings are the
longer form of this contract.

The promises that JupyterHub's behaviour forces on us (read in JupyterHub 6.1):

* The hub saves a spawner's state only after ``start()`` returned. A backend calls
  ``context.save()`` *before* its first call to the outside, so that a hub killed in between finds
  what it began.
* When a starting hub polls a workspace and gets anything but ``None``, it forgets the workspace
  for good. So "I don't know" (throttled, network, 5xx) is ``None``; only proof of absence is not.
* A hub that restarts in the middle of a start has no pending spawn to go on with. It asks
  ``poll()``, then ``resume()``: the place where a half-started workspace is brought to its end.
* ``stop()`` is not called when ``poll()`` says stopped, nor is the caller of a cancelled
  ``start()`` asked again. So a ``start()`` that fails or is cancelled has cleaned up by itself.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from traitlets.config import LoggingConfigurable

from ..errors import DatalabError

if TYPE_CHECKING:
    import logging
    from datetime import datetime

    from traitlets.config import Config

    from ..catalog import Catalog, Image, Profile
    from ..site import Site


class Phase(StrEnum):
    """The stretches of a start, in order. Not every platform has each."""

    QUEUE = "queue"
    SCHEDULE = "schedule"
    PULL = "pull"
    VOLUME = "volume"
    BOOT = "boot"
    REGISTER = "register"
    ROUTE = "route"


async def _stays(url: str) -> None:
    """Nobody follows a workspace that moves."""


async def _without_tls() -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class WorkspaceContext:
    """Everything a backend may know about its workspace, and its ways to speak to the hub.

    Attributes:
        user: JupyterHub's name of the person.
        server: name of the named server; empty for the default one.
        key: resource name on the platform, see :func:`~datalab_hub.spawner.names.workspace_key`.
        profile: the profile to run; of a running workspace, the one it was started with.
        image: the profile's image, if it has one.
        bind: tells JupyterHub on which (ip, port) the workspace will listen, so that
            ``environment()`` says so to the workspace.
        environment: the complete environment for the single-user server. It holds the hub token:
            it goes to the workspace over a private channel and nowhere else.
        arguments: arguments for the single-user server.
        save: writes ``Backend.get_state()`` to the hub's database, at once.
        report: tells the person where the start stands:
            ``report(Phase.PULL, "Fetching the image", cause="1.2 of 3.4 GB")``.
        spawner: JupyterHub's spawner, for backends that drive another spawner as a child.
        recognises: whether a hub token is this workspace's own, and still valid.
        renew_token: gives the workspace a fresh hub token in place of the old one, for a platform
            that boots it again; ``environment()`` has it from then on.
        moved: tells the hub and its proxy that the running workspace has another URL.
        certificates: with JupyterHub's ``internal_ssl``: ``key``, ``cert`` and ``ca`` as PEM, for
            a workspace on another machine. As secret as ``environment()``. Else nothing.
        certify: signs the key of such a certificate (PEM) again, for ``IP:…`` or ``DNS:…``.
    """

    user: str
    server: str
    key: str
    profile: Profile
    image: Image | None
    log: logging.Logger | logging.LoggerAdapter[Any]
    bind: Callable[[str, int], None]
    environment: Callable[[], dict[str, str]]
    arguments: Callable[[], list[str]]
    save: Callable[[], None]
    report: Callable[..., None]
    spawner: Any = None
    recognises: Callable[[str], bool] = lambda token: False
    renew_token: Callable[[], None] = lambda: None
    moved: Callable[[str], Awaitable[None]] = _stays
    certificates: Callable[[], Awaitable[dict[str, str]]] = _without_tls
    certify: Callable[[str, str], str] = lambda certificate, name: ""


@dataclass(frozen=True)
class Ending:
    """Why a workspace that had run ended by itself.

    Attributes:
        reason: one word for metrics, ledger and audit, out of a closed set.
        message: for the person.
    """

    reason: str
    message: str


class Backend(abc.ABC):
    """Runs one workspace on one platform. Created for each start and for each adoption."""

    def __init__(self, platform: Any, context: WorkspaceContext) -> None:
        self.platform = platform
        self.context = context

    @abc.abstractmethod
    async def start(self) -> str:
        """Start the workspace and return its URL (scheme, host, port) once it answers HTTP.

        Returns only then, so that the hub's own exponential backoff never has to wait. Idempotent
        against its own earlier attempt: a resource of our own key that exists already is ours.

        Raises:
            StartFailed: with a sentence for the person and a reason for the metrics. Like a
                cancellation, at any instant, it leaves nothing behind.
        """

    @abc.abstractmethod
    async def resume(self) -> str:
        """Bring a workspace that an earlier hub began to its end, and return its URL.

        Called after a hub restart when ``poll()`` said ``None``; bounded by the profile's start
        timeout from outside.

        Raises:
            StartFailed: it will never answer. The hub stops it then.
        """

    @abc.abstractmethod
    async def poll(self) -> int | None:
        """Return ``None`` while the workspace runs, is starting, *or cannot be asked about*.

        An exit status (0 when unknown) says that it is certainly gone.
        """

    @abc.abstractmethod
    async def stop(self, now: bool = False) -> None:
        """Stop the workspace and return when nothing of it is left. Stopping twice is no error.

        Args:
            now: skip the graceful part.
        """

    @abc.abstractmethod
    def get_state(self) -> dict[str, Any]:
        """Return what a later hub needs to find this workspace: JSON, without secrets."""

    @abc.abstractmethod
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state that an earlier hub saved. It may be from an older release."""

    def ending(self) -> Ending | None:
        """Return why the workspace ended by itself, where the platform said so.

        Asked after :meth:`poll` returned a status.
        """
        return None

    async def gone(self) -> None:
        """Return when the workspace has ended; wait for ever where the platform cannot tell.

        Lets the hub notice a crash at once instead of at its next poll.
        """
        import asyncio

        await asyncio.Event().wait()


@dataclass(frozen=True)
class Resource:
    """Something on the platform that carries our label: a process, a pod, a job, a claim.

    Attributes:
        key: the workspace it belongs to.
        kind: for people: ``process``, ``pod``, ``training job``.
        name: the platform's name for it.
        holds_data: removing it would destroy a person's data; never done without being told to.
        since: when it was created, where the platform says so.
    """

    key: str
    kind: str
    name: str
    holds_data: bool = False
    since: datetime | None = None


class Platform(LoggingConfigurable):
    """What one hub shares between all its workspaces of one backend.

    Its traits are the operator's settings: ``c.LocalPlatform.standby = False``.
    """

    backend_class: type[Backend]

    epilogue = 0.0
    """Seconds that a backend may need beyond ``start_timeout`` to say why it gave up, and to clean
    up. The hub waits as much longer: its own end of a start says nothing but "timeout"."""

    def __init__(self, site: Site, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.site = site

    @classmethod
    def configure(cls, config: Config, catalog: Catalog) -> None:
        """Check and complete the hub's configuration, before the hub starts.

        Called once if a profile of the catalog uses this platform.

        Raises:
            DatalabError: something is configured that cannot work here; names every such setting.
        """

    async def open(self) -> None:
        """Get ready (start watches, warm the standby). Called once, when the hub has started."""

    async def close(self) -> None:
        """Give back what :meth:`open` took. Workspaces stay."""

    def backend(self, context: WorkspaceContext) -> Backend:
        """Return the object that runs the workspace of this context."""
        return self.backend_class(self, context)

    async def resources(self) -> list[Resource]:
        """List everything on the platform that carries this installation's label.

        Raises:
            OSError: the platform cannot be asked now; the reconciler then does nothing.
        """
        return []

    async def remove(self, resource: Resource) -> None:
        """Remove one resource that belongs to nobody."""
        raise DatalabError(f"{type(self).__name__} cannot remove {resource.kind} {resource.name}.")


_GROUP = "datalab.backends"


def find_platform(name: str) -> type[Platform]:
    """Return the platform class that a distribution registered under ``datalab.backends``.

    Raises:
        DatalabError: there is none of that name.
    """
    found = {entry.name: entry for entry in entry_points(group=_GROUP)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise DatalabError(
            f"The catalog asks for backend {name!r}, which is not installed (installed: {known}). "
            "Install the distribution that provides it, or change the profile's backend."
        )
    platform: type[Platform] = found[name].load()
    return platform
