"""The audit log: one structured event for everything that somebody may have to answer for."""

from __future__ import annotations

import logging
import os
import unicodedata
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

SCHEMA = Path(__file__).with_name("events") / "audit.v1.yaml"
SCHEMA_ID = "https://schema.datalab.example/audit"
_TEXT_CHARS = 256


def clean_text(text: str, limit: int = _TEXT_CHARS) -> str:
    """Return text that is safe in a log: no control characters, bounded (CVE-2026-54338)."""
    visible = "".join(char if unicodedata.category(char)[0] != "C" else " " for char in text)
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


class AuditLog:
    """Writes events to a file of JSON lines that only the hub's user can read, and to the log.

    Args:
        path: the file; created with mode 0600, appended to.
        log: gets one short line per event.
    """

    def __init__(self, path: Path, log: logging.Logger) -> None:
        self.path = path
        self._log = log
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        self._events = EventLogger(handlers=[logging.FileHandler(path, encoding="utf-8")])
        self._events.register_event_schema(SCHEMA)

    def record(
        self,
        kind: str,
        *,
        user: str,
        actor: str | None = None,
        server: str | None = None,
        outcome: str = "ok",
        reason: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Write one event. ``detail`` must not hold secrets; its texts are cleaned like all."""
        event = {
            "kind": kind,
            "user": user,
            "actor": actor,
            "server": server,
            "outcome": outcome,
            "reason": reason,
            "detail": detail,
        }
        cleaned = {name: _clean(value) for name, value in event.items() if value is not None}
        self._events.emit(schema_id=SCHEMA_ID, data=cleaned)
        self._log.info(
            "audit: %s %s of %r %s%s",
            kind,
            cleaned["outcome"],
            cleaned["user"],
            f"server {cleaned['server']!r} " if cleaned.get("server") else "",
            f"({cleaned['reason']})" if cleaned.get("reason") else "",
        )


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
