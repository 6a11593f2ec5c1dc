"""``POST /hub/datalab/register``: a workspace says where it listens."""

from __future__ import annotations

import json
from typing import Any

from datalab_workspace import wire
from jupyterhub.apihandlers.base import APIHandler

from ..audit import clean_text
from ..site import site_of
from ..spawner.registration import RegistrationRefused

_BODY_BYTES = 1 << 14
_JOB_CHARS = 63


class RegisterHandler(APIHandler):
    """Takes a :class:`~datalab_workspace.wire.Register`, authenticated by the hub token.

    Answers 200 with :class:`~datalab_workspace.wire.Registered`; 400 for what is no such message;
    403 for a refusal, which is audited. Not decorated as authenticated: a token that has been
    deleted meanwhile is a late registration, and is to be audited as one.
    """

    async def post(self) -> None:
        """Register."""
        if len(self.request.body) > _BODY_BYTES:
            self._refuse(413, "A registration is a few hundred bytes.")
            return
        try:
            message = wire.decode(self.request.body)
        except wire.WireError as error:
            self._refuse(400, str(error))
            return
        if not isinstance(message, wire.Register):
            self._refuse(400, f"Expected a registration, not {message.type}.")
            return
        site = site_of(self.settings)
        job = clean_text(message.job, _JOB_CHARS)
        caller = self.current_user.name if self.current_user else "nobody"
        try:
            expected, answer = await site.registrations.register(
                message, self.get_auth_token() or "", self._peer()
            )
        except RegistrationRefused as refusal:
            owner = refusal.expected
            site.audit.record(
                "refusal",
                user=owner.user if owner else caller,
                actor=caller,
                server=owner.server if owner else None,
                outcome="refused",
                reason=f"registration-{refusal.reason}",
                detail={"job": job, "address": self.request.remote_ip},
            )
            self._refuse(403, str(refusal))
            return
        site.audit.record(
            "registration",
            user=expected.user,
            server=expected.server,
            detail={"job": job, "address": f"{clean_text(message.ip, 45)}:{message.port}"},
        )
        self.set_header("Content-Type", "application/json")
        self.finish(wire.encode(answer))

    def _peer(self) -> str | None:
        """Return the other end of the connection: not what headers say, which anybody may send."""
        address = getattr(self.request.connection.context, "address", None)
        return str(address[0]).removeprefix("::ffff:") if isinstance(address, tuple) else None

    def _refuse(self, status: int, message: str) -> None:
        body: dict[str, Any] = {"status": status, "message": message}
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(body))
