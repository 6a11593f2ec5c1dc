"""Jupyter Server's side of *Export to pipeline*; the language never imports it."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server which application to load."""
    from .extension import PipelineExport

    return [{"module": "datalab_pipelines.server", "app": PipelineExport}]
