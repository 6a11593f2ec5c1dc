"""Which worker runs which tests, and in which order.

The tests of a file stay on one worker, with its fixtures: a hub, an image, a browser. Markers and
``--dist loadgroup`` of pytest-xdist 3.8 would say the same, but it sets what pytest 9.2 no longer
reads (``Item._nodeid``).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that share nothing with others of their file: whoever is free takes one.
SPREAD = re.compile(
    r"tests/(integration/(sagemaker/test_hub_kills|kubernetes/test_hub)\.py"
    r"|unit/pipelines/export/test_(fuzz|mutations)\.py"
    r"|unit/pipelines/export/test_corpus\.py::test_the_exported_project)"
)
# Files that share a fixture which takes minutes.
TOGETHER = re.compile(r"tests/integration/test_(many_people|people_and_sources)\.py")
# Files whose tests wait longest come first, so that no worker begins one when the others are done;
# those with a browser among the others, so that not all of them begin at the same time.
FIRST = (("browser", "integration/sagemaker", "images"), ("integration",), ("contract",))
LONG = 1000  # seconds that a test may take which is not spread at the end


class ByFile(LoadScopeScheduling):
    """Gives a worker the tests of a file, or one that is spread."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """Return what a test is given to a worker with."""
    if SPREAD.match(nodeid):
        return nodeid
    file = nodeid.split("::", 1)[0]
    return TOGETHER.pattern if TOGETHER.match(file) else file


def put_in_order(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; inside of a file the order stays."""
    longest: dict[str, float] = {}
    for item in items:
        limit = item.get_closest_marker("timeout")  # what may take long does take long
        one = unit(item.nodeid)
        longest[one] = max(longest.get(one, 0), limit.args[0] if limit else 0)
    items.sort(key=lambda item: _rank(item, longest[unit(item.nodeid)]))


def _rank(item: pytest.Item, longest: float) -> tuple[bool, float, int, str]:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    fills = bool(SPREAD.match(item.nodeid)) and longest < LONG  # what the others leave
    for at, parts in enumerate(FIRST):
        if path.startswith(parts):
            return fills, -longest, at, item.path.name if at == 0 else path
    return fills, -longest, len(FIRST), ""
