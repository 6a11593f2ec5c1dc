"""Why a workspace did not start, in words for the person and one word for the metrics."""

from __future__ import annotations

from html import escape

from jupyterhub.spawner import SpawnException


class StartProblem(SpawnException):
    """A start that did not happen.

    JupyterHub shows the message on its pages and in its API, logs no traceback and counts
    ``reason`` in ``jupyterhub_server_spawn_duration_seconds``.

    Args:
        message: one sentence for the person: what happened.
        reason: a short word for metrics and audit, out of a closed set per backend.
        hint: one sentence: what to do next.
        detail: more for the log, never shown to the person.
    """

    default_status = 500

    def __init__(self, message: str, *, reason: str, hint: str = "", detail: str = "") -> None:
        sentence = f"{message} {hint}".strip()
        html = f"<p>{escape(message)}</p>" + (f"<p>{escape(hint)}</p>" if hint else "")
        super().__init__(
            sentence,
            reason=reason,
            log_message=f"{sentence} {detail}".strip(),
            message_html=html,
            status_code=self.default_status,
        )
        self.hint = hint
        # What the progress page shows: ``jupyterhub.utils.format_exception`` reads these two.
        self.jupyterhub_message = sentence
        self.jupyterhub_html_message = html


class StartRefused(StartProblem):
    """Policy says no (group, unknown profile, quota): nothing was attempted."""

    default_status = 403


class StartFailed(StartProblem):
    """The platform could not do it: no capacity, a broken image, a crash on the way up."""
