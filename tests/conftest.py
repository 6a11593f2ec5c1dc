"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# Libraries of the field look for proxies and credentials in the environment; tests bring theirs.
for _name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(_name, None)

# How long an example takes says something about the machine, not about the code.
settings.register_profile("datalab", deadline=None)
settings.load_profile("datalab")
