"""The broker's process: ``python -m datalab_hub.credentials.service``, started by the hub."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from aiohttp import web

from ..audit import AuditLog
from ..catalog import load_catalog
from ..errors import DatalabError
from ..lifeline import PARENT, end_with_hub
from .app import application
from .broker import Broker
from .environment import AUDIT, BIND, BOOK, CATALOG, INSTANCE, PER_MINUTE, SWEEP_EVERY
from .hub import Hub


def inherit_aws() -> None:
    """Take the hub's own AWS variables, straight from its process.

    JupyterHub gives a service only what is configured for it, and writes that into its database
    in clear text (``orm.Service.environment``, JupyterHub 6.1): no place for a key.
    """
    hub = os.environ.get(PARENT)
    if hub is None:
        return
    for name, value in psutil.Process(int(hub)).environ().items():
        if name.startswith("AWS_"):
            os.environ.setdefault(name, value)


async def run() -> None:
    """Serve until told to end.

    Raises:
        CatalogError: the catalog has become wrong since the hub read it.
    """
    log = logging.getLogger("datalab.credentials")
    catalog = os.environ.get(CATALOG)
    broker = Broker(
        load_catalog(Path(catalog) if catalog else None),
        Hub(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"]),
        AuditLog(Path(os.environ[AUDIT]), log),
        os.environ[INSTANCE],
        log,
        book=Path(os.environ[BOOK]),
        per_minute=float(os.environ[PER_MINUTE]),
    )
    address = urlsplit(os.environ[BIND])
    # No access log: requests are audited, and what is not written cannot leak.
    runner = web.AppRunner(application(broker, log), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.hostname, address.port).start()
    except OSError as error:
        raise DatalabError(
            f"The credential broker cannot listen on {os.environ[BIND]} ({error.strerror}). "
            "Set c.CredentialBroker.bind_url to an address that is free."
        ) from None
    log.info("Credential broker for %s data sources", len(broker.catalog.data_sources))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sweeping = asyncio.create_task(broker.keep_sweeping(float(os.environ[SWEEP_EVERY])))
    await stop.wait()
    sweeping.cancel()
    await runner.cleanup()
    await broker.hub.close()


def main() -> None:
    """Run the service."""
    logging.basicConfig(
        level=logging.INFO, format="[%(levelname)1.1s %(asctime)s %(name)s] %(message)s"
    )
    # They log requests with their headers and parameters when somebody asks for debugging.
    for library in ("botocore", "boto3", "urllib3", "aiohttp", "psycopg"):
        logging.getLogger(library).setLevel(logging.WARNING)
    end_with_hub()
    inherit_aws()
    asyncio.run(run())


if __name__ == "__main__":
    main()
