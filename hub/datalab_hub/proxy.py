"""Where the Node proxy is."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from .errors import DatalabError

_NAME = "configurable-http-proxy"


def proxy_command() -> list[str]:
    """Return the command of configurable-http-proxy: beside this Python, or on the PATH.

    Raises:
        DatalabError: there is none; says how to get it.
    """
    beside = Path(sysconfig.get_path("scripts")) / _NAME
    found = str(beside) if beside.exists() else shutil.which(_NAME)
    if found is None:
        raise DatalabError(
            f"The proxy {_NAME} is missing. In a checkout, `make run` installs it; elsewhere: "
            f"npm install -g {_NAME}."
        )
    return [found]
