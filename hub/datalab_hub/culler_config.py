"""Configuration of the idle culler service: each profile decides for itself.

Runs in the culler's own process, started by the hub as a service (see ``config._culler``).
"""

from __future__ import annotations

from datalab_hub.idle import configure_culler
from datalab_hub.lifeline import end_with_hub

end_with_hub()
configure_culler(get_config())  # type: ignore[name-defined]  # noqa: F821  # traitlets gives it
