"""The JupyterHub configuration that ``datalab up`` runs. Parameters come in the environment."""

from __future__ import annotations

from datalab_hub.local import configure_local

configure_local(get_config())  # type: ignore[name-defined]  # noqa: F821  # traitlets gives it
