"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# Libraries of the field look for proxies and credentials in the environment; tests bring theirs.
for _name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(_name, None)

# A shell's background job ignores Ctrl-C, and so would everything that tests start from there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine, not about the code.
settings.register_profile("datalab", deadline=None)
settings.load_profile("datalab")

# Files whose tests wait longest come first, so that no worker begins one when the others are done;
# those with a browser among the others, so that not all of them begin at the same time.
_FIRST = (("browser", "integration/sagemaker", "images"), ("integration",), ("contract",))


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and keep the tests of a file with its fixtures on one worker.

    Tests marked ``spread`` have no fixtures in common worth keeping: they go to whoever is free.
    """
    items.sort(key=_rank)  # inside of a file the order stays
    for item in items:
        if not any(item.iter_markers("spread")) and not any(item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.xdist_group(_path(item)))


def _rank(item: pytest.Item) -> tuple[bool, float, int, str]:
    path = _path(item)
    spread = any(item.iter_markers("spread"))  # last: they fill what the others leave
    # A slow test that may take long by its time limit does take long.
    limit = item.get_closest_marker("timeout") if any(item.iter_markers("slow")) else None
    longest = -limit.args[0] if limit else 0
    for at, parts in enumerate(_FIRST):
        if path.startswith(parts):
            return spread, longest, at, item.path.name if at == 0 else path
    return spread, longest, len(_FIRST), ""


def _path(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()
