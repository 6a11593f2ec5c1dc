"""What lives in every Datalab workspace. It never imports ``datalab_hub``."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server where the handlers and the activity tracking are."""
    return [{"module": "datalab_workspace.extension"}]
