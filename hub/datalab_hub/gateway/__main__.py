"""``python -m datalab_hub.gateway``: ``datalab gateway``, as the hub runs it for itself."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys

from datalab_workspace.tunnel.memory import keep_buffers

from ..errors import DatalabError
from ..lifeline import end_with_hub
from .hub import Hub
from .options import add_to
from .service import Gateway


def run(arguments: argparse.Namespace) -> int:
    """Be the gateway until told to end.

    Raises:
        DatalabError: something is missing in the environment, or the address cannot be had.
    """
    logging.basicConfig(
        level=logging.INFO, format="[%(levelname)1.1s %(asctime)s %(name)s] %(message)s"
    )
    # It logs whole handshakes, secret included, when somebody asks for debugging.
    logging.getLogger("websockets").setLevel(logging.WARNING)
    end_with_hub()
    keep_buffers()
    missing = [
        name for name in ("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN") if not os.environ.get(name)
    ]
    if missing:
        raise DatalabError(
            f"The gateway needs {' and '.join(missing)} in its environment: the hub's API address, "
            "and the token of the service datalab-gateway. See docs/how-to/sagemaker.md."
        )
    asyncio.run(_serve(arguments))
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdigit():
        raise DatalabError(f"--listen is {arguments.listen!r}, expected ADDRESS:PORT.")
    log = logging.getLogger("datalab.gateway")
    hub = Hub(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"])
    gateway = Gateway(hub, arguments.proxy_side, log)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await gateway.open(host.strip("[]"), int(port))
    except OSError as error:
        raise DatalabError(
            f"The gateway cannot listen on {arguments.listen} ({error.strerror}). Give it another "
            "address: --listen, or c.SageMakerPlatform.gateway_listen."
        ) from None
    log.info("Workspaces dial in at %s", arguments.listen)
    await stop.wait()
    await gateway.close()
    await hub.close()


def main() -> int:
    """Run the service; return its exit status."""
    parser = argparse.ArgumentParser(prog="datalab gateway")
    add_to(parser)
    try:
        return run(parser.parse_args())
    except DatalabError as error:
        print(f"datalab gateway: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
