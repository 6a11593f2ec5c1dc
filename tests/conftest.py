"""What all tests share."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from hypothesis import settings
from scheduling import ByFile, put_in_order

# Libraries of the field look for proxies and credentials in the environment; tests bring theirs.
for _name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(_name, None)

# A shell's background job ignores Ctrl-C, and so would everything that tests start from there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine, not about the code.
settings.register_profile("datalab", deadline=None)
settings.load_profile("datalab")


@pytest.hookimpl(trylast=True)  # when those that ``-m`` leaves out are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    put_in_order(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Keep the tests of a file on one worker."""
    config.option.loadscopereorder = False  # the order is ours
    return ByFile(config, log)
