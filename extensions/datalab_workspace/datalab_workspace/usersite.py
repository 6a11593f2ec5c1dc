"""The person's own packages: what ``pip install`` puts into the home.

In kernels they come first, as everywhere. In the server they come last: a server extension that
somebody installed works, but no library of an older image or of an experiment takes the place of
one that the server needs to open. Images start the server without them (``python -s``), so that
nothing of theirs runs before this decides.
"""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

SAFE_MODE = "DATALAB_SAFE_MODE"
"""Environment variable: why this server runs without the person's own configuration."""


def wanted() -> bool:
    """Return whether this interpreter has a place in the home for packages."""
    if os.environ.get(SAFE_MODE) or os.environ.get("PYTHONNOUSERSITE"):
        return False
    if sys.prefix == sys.base_prefix:
        return True
    # A virtual environment says whether it looks outside.
    try:
        configuration = Path(sys.prefix, "pyvenv.cfg").read_text()
    except OSError:
        return False
    settings = dict(line.partition("=")[::2] for line in configuration.lower().splitlines())
    values = {name.strip(): value.strip() for name, value in settings.items()}
    return values.get("include-system-site-packages") == "true"


def append() -> None:
    """Find the person's packages after all others, and their programs before all others."""
    site.USER_BASE = site.USER_SITE = None  # of another home, in a process that was a standby
    path = site.getusersitepackages()
    sys.path[:] = [entry for entry in sys.path if not entry.startswith(path)]
    if not wanted():
        return
    if Path(path).is_dir():
        site.addsitedir(path)
    programs = str(Path(site.getuserbase(), "bin"))
    others = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([programs, *(one for one in others if one != programs)])
