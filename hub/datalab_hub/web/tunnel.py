"""``POST /hub/datalab/tunnel``: the gateway asks whether a job may have a tunnel."""

from __future__ import annotations

import json

from datalab_workspace import wire
from jupyterhub.apihandlers.base import APIHandler

from .. import compat
from ..audit import clean_text
from ..gateway import SERVICE
from ..site import site_of
from ..spawner.registration import RegistrationRefused

_BODY_BYTES = 1 << 12
_JOB_CHARS = 63


class TunnelHandler(APIHandler):
    """Takes a :class:`~datalab_workspace.wire.TunnelRequest`, from the gateway alone.

    Answers 200 with :class:`~datalab_workspace.wire.TunnelGrant`; 400 for what is no such message;
    401 for any other caller; 403 for a job that is not expected, which is audited and final.
    """

    async def post(self) -> None:
        """Grant or refuse."""
        if not compat.is_service(self.current_user, SERVICE):
            self._refuse(401, "Only Datalab's gateway may ask this.")
            return
        try:
            message = wire.decode(self.request.body[:_BODY_BYTES])
        except wire.WireError as error:
            self._refuse(400, str(error))
            return
        if not isinstance(message, wire.TunnelRequest):
            self._refuse(400, f"Expected a request for a tunnel, not {message.type}.")
            return
        site = site_of(self.settings)
        try:
            grant = site.registrations.grant(message)
        except RegistrationRefused as refusal:
            owner = refusal.expected
            site.audit.record(
                "refusal",
                user=owner.user if owner else "nobody",
                actor=SERVICE,
                server=owner.server if owner else None,
                outcome="refused",
                reason=f"tunnel-{refusal.reason}",
                detail={"job": clean_text(message.job, _JOB_CHARS)},
            )
            self._refuse(403, str(refusal))
            return
        self.set_header("Content-Type", "application/json")
        self.finish(wire.encode(grant))

    def _refuse(self, status: int, message: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"status": status, "message": message}))
