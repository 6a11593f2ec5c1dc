"""The image ``r``, from inside; built by ``make images``, tested where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub
from probes import execute

from .room import Room, existing
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CELL = """
suppressPackageStartupMessages(library(tidyverse))
write.csv(data.frame(group = c("a", "b", "a"), value = c(1, 2, 3)), "values.csv", row.names = FALSE)
read <- read_csv("values.csv", show_col_types = FALSE)
sums <- read |> group_by(group) |> summarise(total = sum(value))
png("plot.png")
print(ggplot(sums, aes(group, total)) + geom_col())
invisible(dev.off())
cat(sums$total, data.table::as.data.table(read)[, .N], file.size("plot.png") > 1000, getwd())
"""


@pytest.fixture(scope="module")
def r() -> Iterator[Room]:
    with existing("r") as entered:
        yield entered


async def test_a_cell_in_r_reads_and_plots(r: Room, hub: FakeHub, home: Path) -> None:
    async with serving(r, hub, home) as (ann, _, _):
        specs = await ann.json("api/kernelspecs")
        assert set(specs["kernelspecs"]) == {"python3", "ir"}
        assert specs["default"] == "python3"
        printed = await execute(ann, CELL, kernel="ir", patience=300)
        assert "".join(printed).endswith("4 2 3 TRUE /home/jovyan")
    assert (home / "plot.png").read_bytes().startswith(b"\x89PNG")
