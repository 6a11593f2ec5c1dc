"""The image ``spark``, from inside; built by ``make images``, tested where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .room import Room, existing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def spark() -> Iterator[Room]:
    with existing("spark") as entered:
        yield entered


def test_java_is_one_that_spark_runs_on(spark: Room, home: Path) -> None:
    assert 'version "17.' in spark.run("java", "-version", home=home).stderr
