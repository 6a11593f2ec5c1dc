"""Which browser the tests drive."""

from __future__ import annotations

import shutil

_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
"""Path of the browser, if there is one.

The shell is Chromium's engine alone. The whole browser draws its tabs and menus even when it is
headless, each in a process of its own, and takes twice the processor time for the same pages.
"""
HOW_TO_GET_IT = "no Chromium on this machine: tools/install-test-programs says how to get it"
