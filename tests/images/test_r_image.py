"""The image ``r``, from inside; built by ``make images``, tested where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from fakes.claimant import Workspace
from fakes.hub import FakeHub
from probes import execute

from .room import Room, existing
from .serving import get, serving

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

# RStudio Server is not among Debian's packages. What its proxy asks of it: options of its own,
# and answers on a socket. (rstudio/rstudio, src/cpp/server/ServerOptions.cpp)
RSERVER = """#!/usr/bin/env python3
import http.server, os, socketserver, sys
if "--help" in sys.argv:
    sys.exit(print("--www-root-path --server-data-dir --database-config-file --www-socket"))
given = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])

class Answer(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "proxy"

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        who, where = given["server-user"], given["www-root-path"]
        self.wfile.write(f"RStudio of {who}, uid {os.getuid()}, below {where}".encode())

socketserver.UnixStreamServer(given["www-socket"], Answer).serve_forever()
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
        assert printed.endswith("4 2 3 TRUE /home/jovyan")
    assert (home / "plot.png").read_bytes().startswith(b"\x89PNG")


async def test_rstudio_is_offered_and_answers_where_it_is_installed(
    r: Room, hub: FakeHub, home: Path
) -> None:
    programs = home.parent / "rstudio"
    programs.mkdir()
    (programs / "rserver").write_text(RSERVER)
    (programs / "rserver").chmod(0o755)
    path = dict(entry.split("=", 1) for entry in r.config["Env"])["PATH"]
    async with serving(
        r, hub, home, mounts={str(programs): "/tmp/rstudio"}, PATH=f"/tmp/rstudio:{path}"
    ) as (ann, _, _):
        assert await _offered(ann) == ["RStudio"]
        status, _, body = await get(ann, "rstudio/")
        assert (status, body.decode()) == (
            200,
            f"RStudio of jovyan, uid 1000, below {ann.person.prefix}rstudio/",
        )
        # Nobody else gets there.
        async with aiohttp.ClientSession() as session:
            answer = await session.get(f"{ann.url}rstudio/", allow_redirects=False)
            assert answer.status in (302, 403)


async def test_rstudio_is_not_offered_where_it_is_not_installed(
    r: Room, hub: FakeHub, home: Path
) -> None:
    async with serving(r, hub, home) as (ann, _, _):
        assert await _offered(ann) == []


async def _offered(ann: Workspace) -> list[str]:
    """Return the titles of the web applications on Lab's launcher."""
    info = await ann.json("server-proxy/servers-info")
    entries = (process["launcher_entry"] for process in info["server_processes"])
    return [entry["title"] for entry in entries if entry["enabled"]]
