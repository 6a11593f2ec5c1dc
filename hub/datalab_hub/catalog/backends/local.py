"""The ``local:`` block of a profile."""

from __future__ import annotations

from pydantic import Field

from ..base import Model


class LocalOptions(Model):
    """A process on the hub's own machine."""

    environment: str | None = Field(
        None,
        description="Prefix of the Python environment to run in (a virtual or conda environment "
        "with datalab-workspace in it). The hub's own environment by default.",
    )
