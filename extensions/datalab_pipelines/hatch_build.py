"""Puts the built front end where JupyterLab looks for it: into the wheel's shared data."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "@datalab/pipelines"


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the labextension; an editable installation gets a link from ``tools/install-js``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add it, or say how to build it."""
        if version == "editable":
            return
        built = Path(self.root, "datalab_pipelines", "labextension")
        if not (built / "package.json").is_file():
            raise FileNotFoundError(f"{built} is not built. Run in the repository's root: make js")
        build_data["shared_data"][str(built)] = f"share/jupyter/labextensions/{NAME}"
