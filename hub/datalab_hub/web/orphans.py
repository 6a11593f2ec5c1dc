"""``/hub/datalab/orphans``: what is on the platforms and belongs to nobody."""

from __future__ import annotations

import json
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import Scope, needs_scope
from pydantic import BaseModel, ConfigDict, ValidationError
from tornado import web

from .. import compat
from ..catalog.units import Duration
from ..site import site_of
from ..spawner.reconcile import Finding, reconcile


class OrphansRequest(BaseModel):
    """What to do with orphans.

    Attributes:
        apply: remove them; otherwise only say what there is.
        remove_data: also those that hold people's data.
        older_than: leave younger ones alone.
    """

    model_config = ConfigDict(extra="forbid")

    apply: bool = False
    remove_data: bool = False
    older_than: Duration = None


class OrphansHandler(APIHandler):
    """``POST``: find them, and with ``apply`` remove them.

    Needs the right to stop anybody's workspace; to remove data, the right to delete people.
    """

    @needs_scope("delete:servers")
    async def post(self) -> None:
        """Answer ``{"findings": [{backend, kind, name, key, since, action}]}``."""
        try:
            wanted = OrphansRequest.model_validate(self.get_json_body() or {})
        except ValidationError as error:
            problems = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
            raise web.HTTPError(400, problems) from None
        scopes = ["delete:servers"] + (["delete:users"] if wanted.remove_data else [])
        missing = [scope for scope in scopes if self.parsed_scopes.get(scope) is not Scope.ALL]
        if missing:
            raise web.HTTPError(403, f"This needs {' and '.join(missing)} for everybody.")
        site, app = site_of(self.settings), compat.running_app()
        assert app is not None, "handlers run inside a hub"
        age = {"min_age": wanted.older_than} if wanted.older_than is not None else {}
        findings = await reconcile(
            site,
            lambda backend: compat.owned_keys(app, backend),
            dry_run=not wanted.apply,
            remove_data=wanted.remove_data,
            backends=sorted({profile.backend for profile in site.catalog.profiles}),
            **age,
        )
        if wanted.apply:
            for finding in findings:
                site.audit.record(
                    "admin",
                    user="datalab",
                    actor=self.current_user.name,
                    server=finding.resource.key,
                    outcome=finding.action,
                    reason="belongs to nobody",
                    detail={"resource": f"{finding.resource.kind} {finding.resource.name}"},
                )
        self.finish(json.dumps({"findings": [_plain(finding) for finding in findings]}))


def _plain(finding: Finding) -> dict[str, Any]:
    resource = finding.resource
    return {
        "backend": finding.backend,
        "kind": resource.kind,
        "name": resource.name,
        "key": resource.key,
        "since": resource.since.isoformat() if resource.since else None,
        "action": finding.action,
    }
