"""What JupyterLab's side panel asks. Never a credential.

===========================================  ===================================================
``GET <base>/datalab/api/sources``           what there is, what the person may do, how it is
``POST <base>/datalab/api/sources/NAME``     try it now: fetch a credential, say how it went
===========================================  ===================================================
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from datalab._snippets import snippets
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from .. import wire
from .cache import Credentials
from .client import Problem

PAGE_OPTION = "datalabSources"  # tells Lab to show the panel; read in frontend/src/sources.ts
_NAME = r"([a-z0-9-]{1,63})"


class _Handler(APIHandler):
    auth_resource = "api"

    def initialize(self, credentials: Credentials | None, default: str) -> None:
        """Take what this workspace has; no credentials without a broker."""
        self.credentials = credentials
        self.default = default

    def shown(self, source: wire.SourceInfo) -> dict[str, Any]:
        """Return what the panel shows of a source."""
        assert self.credentials is not None
        default = source.kind == "s3" and source.name == self.default
        offered = snippets(source.name, source.kind, source.access, source.facts, default=default)
        return {
            "name": source.name,
            "title": source.title,
            "kind": source.kind,
            "access": source.access,
            "description": source.description,
            "facts": source.facts,
            "problem": source.problem or self.credentials.refused(source.name),
            # Of others than the person's, there is nothing to try.
            "offered": not source.problem,
            "expires": self.credentials.expires(source.name),
            "default": default,
            "snippets": [] if source.problem else [asdict(snippet) for snippet in offered],
        }


class ListHandler(_Handler):
    """All sources."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the sources, and with a sentence when they cannot be had."""
        if self.credentials is None:
            self.finish({"sources": [], "problem": ""})
            return
        try:
            sources = await self.credentials.sources(fresh=True)
        except Problem as problem:
            self.finish({"sources": [], "problem": problem.message})
            return
        self.finish({"sources": [self.shown(source) for source in sources], "problem": ""})


class SourceHandler(_Handler):
    """One source."""

    @web.authenticated
    async def post(self, name: str) -> None:
        """Fetch a credential for the agent to hold; answer with the source as it is now."""
        if self.credentials is None:
            raise web.HTTPError(404, "This workspace has no credential agent.")
        try:
            await self.credentials.get(name)
        except Problem as problem:
            message = problem.message
        else:
            message = ""
        try:
            sources = await self.credentials.sources(fresh=True)
        except Problem as problem:
            self.finish({"source": None, "problem": problem.message})
            return
        found = next((source for source in sources if source.name == name), None)
        self.finish({"source": self.shown(found) if found else None, "problem": message})


def install(application: web.Application, credentials: Credentials | None, default: str) -> None:
    """Add the handlers to a server, and the panel to its pages where there is a broker."""
    if credentials is not None:
        application.settings.setdefault("page_config_data", {})[PAGE_OPTION] = "true"
    base = url_path_join(application.settings["base_url"], "datalab/api/sources")
    have = {"credentials": credentials, "default": default}
    application.add_handlers(
        ".*$", [(base, ListHandler, have), (url_path_join(base, _NAME), SourceHandler, have)]
    )
