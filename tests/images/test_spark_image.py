"""The image ``spark``, from inside; built by ``make images``, tested where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .room import Room, existing
from .shared import (
    assert_imports,
    assert_no_traces_of_the_build,
    assert_nobody_becomes_somebody_else,
    assert_packages,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LISTS = (
    "workspace/base/packages.txt",
    "workspace/datascience/packages.txt",
    "workspace/spark/packages.txt",
)
# See test_datascience_image.py.
WITHOUT = ("conftest", "adbc_driver_duckdb")


@pytest.fixture(scope="module")
def spark() -> Iterator[Room]:
    with existing("spark") as entered:
        yield entered


def test_everything_that_is_listed_is_installed(spark: Room, home: Path) -> None:
    assert_packages(spark, home, *LISTS)


def test_everything_that_is_installed_can_be_imported(spark: Room, home: Path) -> None:
    assert_imports(spark, home, *WITHOUT)


def test_nobody_becomes_somebody_else(spark: Room) -> None:
    assert_nobody_becomes_somebody_else(spark)


def test_the_build_left_no_traces(spark: Room) -> None:
    assert_no_traces_of_the_build(spark)


def test_java_is_one_that_spark_runs_on(spark: Room, home: Path) -> None:
    assert 'version "17.' in spark.run("java", "-version", home=home).stderr
