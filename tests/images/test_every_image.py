"""What is true of every image, from inside: what is in it, whose files are whose, no traces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .hierarchy import IMAGES, every
from .room import Room
from .shared import (
    assert_imports,
    assert_no_traces_of_the_build,
    assert_nobody_becomes_somebody_else,
    assert_packages,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# Modules that need what the image does not have.
_WITHOUT = {
    "hub": ["sqlalchemy_cockroachdb"],
    "base": ["matplotlib_inline"],  # of IPython, for who installs Matplotlib
    # A package's stray pytest file; DuckDB's driver for who installs adbc-driver-manager.
    "datascience": ["conftest", "adbc_driver_duckdb"],
}


@pytest.fixture(scope="module", params=IMAGES)
def image(request: pytest.FixtureRequest) -> Iterator[tuple[str, Room]]:
    """Each image's name, and a room in it."""
    with every(request.param) as entered:
        yield request.param, entered


def test_everything_that_is_listed_is_installed(image: tuple[str, Room], home: Path) -> None:
    name, room = image
    assert_packages(room, home, name)


def test_everything_that_is_installed_can_be_imported(image: tuple[str, Room], home: Path) -> None:
    name, room = image
    assert_imports(room, home, *_WITHOUT.get(name, _WITHOUT["datascience"]))


def test_nobody_becomes_somebody_else(image: tuple[str, Room]) -> None:
    assert_nobody_becomes_somebody_else(image[1])


def test_the_build_left_no_traces(image: tuple[str, Room]) -> None:
    assert_no_traces_of_the_build(image[1])
