"""What the tests of every workspace image start with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub

# Failed assertions of the shared checks say what they compared.
pytest.register_assert_rewrite("images.shared", "images.chromium", "images.room", "images.serving")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that belongs to the images' user."""
    from .serving import make_home

    return make_home(tmp_path)


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A fake hub that listens."""
    async with FakeHub() as hub:
        yield hub
