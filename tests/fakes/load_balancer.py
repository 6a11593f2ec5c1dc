"""A load balancer with a certificate: takes TLS, and carries what is in it to a port."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class LoadBalancer:
    """What is known of one that runs.

    Attributes:
        url: where it listens.
        target: the port of this machine that it leads to.
        connections: how many it has carried there.
    """

    target: int
    url: str = ""
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, until the client or the target ends it."""
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nobody listens there yet
            writer.close()
            return
        self.connections += 1
        ways = ((reader, there_writer), (there_reader, writer))
        carrying = [asyncio.ensure_future(_carry(*way)) for way in ways]
        try:
            # TLS has no half-closed connections (asyncio), and HTTP needs none.
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in carrying:
                task.cancel()
            there_writer.close()
            writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # one side has gone
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@contextmanager
def load_balancer(target: int, certificate: Path, key: Path) -> Iterator[LoadBalancer]:
    """Run one in a thread until the end of the block.

    Args:
        target: a port of this machine.
        certificate: for 127.0.0.1.
    """
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    balancer = LoadBalancer(target)
    listening, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        server = await asyncio.start_server(balancer.serve, "127.0.0.1", 0, ssl=tls)
        balancer.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        listening.set()
        await over.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert listening.wait(10), "the load balancer does not listen"
    try:
        yield balancer
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
