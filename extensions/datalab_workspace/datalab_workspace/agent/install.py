"""Start the agent with the workspace's server, and tell the kernels where it is."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer

from . import files, panel
from .cache import Credentials
from .client import BrokerClient, Problem
from .process import AGENT_TOKEN_FILE, AGENT_URL
from .server import DEFAULT, LOOPBACK, Door, application

BROKER_URL = "DATALAB_BROKER_URL"
AWS_SOURCE = "DATALAB_AWS_SOURCE"
AWS_REGION = "DATALAB_AWS_REGION"

_AGENT = "datalab_agent"  # key in the web application's settings
_TOKEN_BYTES = 32
_FILES_EVERY = 20  # seconds
_BACKLOG = 128

_FILE_KINDS = {
    "postgres": (".pg_service.conf", files.pg_service),
    "redshift": (".pg_service.conf", files.pg_service),
    "databricks": (".databrickscfg", files.databrickscfg),
}


class Agent:
    """One workspace's agent.

    Args:
        broker: where the broker listens.
        default: the source behind AWS's default credential chain; empty for none.
    """

    def __init__(self, broker: str, default: str, log: logging.Logger) -> None:
        self.credentials = Credentials(client := BrokerClient(broker))
        self._log = log
        self._default = default
        self._socket = socket.socket()
        self._socket.bind((LOOPBACK, 0))
        self._socket.listen(_BACKLOG)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self.token_file = _write_token(token, self.port)
        door = Door(token, self.port, client, log)
        self._server = HTTPServer(application(door, self.credentials, default))
        self._task: asyncio.Task[None] | None = None
        self._said: set[str] = set()

    def environment(self) -> dict[str, str]:
        """Return what programs in this workspace need to find the agent. Nothing secret."""
        url = f"http://{LOOPBACK}:{self.port}"
        found = {AGENT_URL: url, AGENT_TOKEN_FILE: str(self.token_file)}
        if self._default:
            found["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{url}/v1/aws/{DEFAULT}"
            found["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(self.token_file)
        return found

    def serve(self) -> None:
        """Begin to answer; needs the event loop."""
        self._server.add_socket(self._socket)
        self._task = asyncio.create_task(self._keep_files())

    async def write_files(self) -> None:
        """Write the files that other programs read.

        Raises:
            Problem: the broker cannot be asked.
        """
        home, sources = Path.home(), await self.credentials.sources()
        wanted: dict[str, dict[str, Mapping[str, str]]] = {".pg_service.conf": {}}
        wanted[".databrickscfg"] = {}
        for source in sources:
            if source.problem or source.delivered_as != "file" or source.kind not in _FILE_KINDS:
                continue
            name, entry = _FILE_KINDS[source.kind]
            try:
                wanted[name][source.name] = entry(source, await self.credentials.get(source.name))
            except Problem as problem:
                self._say(f"{source.name} is not in ~/{name}: {problem}")
        for path, sections in ((".aws/config", files.aws_profiles(sources)), *wanted.items()):
            taken = await asyncio.to_thread(files.keep, home / path, sections)
            if taken:
                self._say(f"~/{path} has {', '.join(taken)} already; yours stay as they are.")

    async def _keep_files(self) -> None:
        while True:
            try:
                await self.write_files()
            except (Problem, OSError, ValueError) as error:
                self._say(f"Files for data sources are not written now: {error}")
            await asyncio.sleep(_FILES_EVERY)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._log.warning(text)


def install(server: ServerApp) -> None:
    """Prepare the agent, if this workspace's hub has a broker; called while the server is built."""
    broker = os.environ.get(BROKER_URL)
    agent, default = None, os.environ.get(AWS_SOURCE, "")
    if broker:
        agent = Agent(broker, default, server.log)
        os.environ.update(agent.environment())
        if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ:
            # botocore prefers it to the full address.
            os.environ.pop("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", None)
        if region := os.environ.get(AWS_REGION):
            os.environ.setdefault("AWS_DEFAULT_REGION", region)
        if "AWS_ACCESS_KEY_ID" in os.environ:
            server.log.warning(
                "AWS_ACCESS_KEY_ID is set in this workspace: AWS programs take it instead of the "
                "data sources' credentials."
            )
    server.web_app.settings[_AGENT] = agent
    panel.install(server.web_app, agent.credentials if agent else None, default)


def start(server: ServerApp) -> None:
    """Let the agent answer; called when the event loop runs."""
    agent: Agent | None = server.web_app.settings[_AGENT]
    if agent is not None:
        agent.serve()


def _write_token(token: str, port: int) -> Path:
    """Write the token where only this account can read it. Without a newline: see botocore."""
    directory = Path(jupyter_runtime_dir())
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"datalab-agent-{os.getpid()}-{port}.token"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)
    atexit.register(path.unlink, missing_ok=True)
    return path
