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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow folders first; inside of a file the order stays."""

    def rank(item: pytest.Item) -> tuple[int, str]:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        for at, parts in enumerate(_FIRST):
            if path.startswith(parts):
                return at, item.path.name if at == 0 else path
        return len(_FIRST), ""

    items.sort(key=rank)
