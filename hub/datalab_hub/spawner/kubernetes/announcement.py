"""A pod says where it is by itself, about a second before the kubelet does.

The kubelet looks at its containers once a second, and tells the API server afterwards; until then
nobody outside the node knows a new pod's address. The workspace's entry point knows it as its first
breath, and registers with the hub. Whatever stands in the way (an older image, an address that was
translated on the way, a hub that restarted) costs only that second.
"""

from __future__ import annotations

import asyncio
from typing import Self

from datalab_workspace import wire
from datalab_workspace.here import JOB, SECRET, URL

from ..backend import WorkspaceContext
from ..registration import Expected, Registrations, hash_of, new_secret


class Announcement:
    """What one start waits for; it listens as long as it is entered.

    Args:
        registrations: of the site.
        port: where the workspace is going to listen.

    Attributes:
        ip: where the pod is, once it said so.
        heard: set with it.
    """

    def __init__(self, registrations: Registrations, context: WorkspaceContext, port: int) -> None:
        self._registrations, self._context, self._port = registrations, context, port
        self._secret = new_secret()
        self._expected = Expected(
            job=context.key,
            user=context.user,
            server=context.server,
            secret_hash=hash_of(self._secret),
            recognises=context.recognises,
            accept=self._accept,
        )
        self.ip: str | None = None
        self.heard = asyncio.Event()

    def environment(self, api_url: str) -> dict[str, str]:
        """Return what the workspace's private environment needs.

        Args:
            api_url: the hub's, as the workspace reaches it.
        """
        hub = api_url.rstrip("/").removesuffix("/api")
        return {URL: f"{hub}/datalab/register", JOB: self._context.key, SECRET: self._secret}

    def __enter__(self) -> Self:
        self._registrations.expect(self._expected)
        return self

    def __exit__(self, *_: object) -> None:
        # Another start may have begun meanwhile.
        if self._registrations.expected(self._context.key) is self._expected:
            self._registrations.forget(self._context.key)

    async def _accept(self, message: wire.Register) -> wire.Registered:
        if message.port != self._port or message.ip != self._expected.peer:
            # The proxy must not be pointed at an address that only somebody's word speaks for.
            # No refusal: behind a gateway the sender's address is the gateway's.
            self._context.log.info(
                "%s names %s:%s and comes from %s: its address is awaited from Kubernetes",
                *(self._context.key, message.ip, message.port, self._expected.peer),
            )
            return wire.Registered()
        self.ip = message.ip
        self.heard.set()
        return wire.Registered()
