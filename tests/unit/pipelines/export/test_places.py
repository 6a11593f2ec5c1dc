"""Paths that begin at the working folder, which is another one for each stage."""

from __future__ import annotations

import pytest
from exporting import compare, stages

APART = {
    "a folder that is asked for": stages(
        "import os\nBASE = os.getcwd()", "print(BASE == os.getcwd())", "print(os.path.isdir(BASE))"
    ),
    "paths that are made of it": stages(
        "import os\nfrom pathlib import Path\nBASE = os.path.abspath('.')\n"
        "DATA = os.path.join(BASE, 'data', '')\nROOT = Path('.').resolve()\nOUT = ROOT / 'out'",
        "print(os.path.relpath(DATA, os.getcwd()))",
        "print(OUT.relative_to(Path.cwd()), f'{BASE}/x' == str(ROOT / 'x'))",
    ),
    "a function that reads one": stages(
        "import os\nBASE = os.getcwd()\ndef here(name):\n    return os.path.join(BASE, name)",
        "print(here('a') == os.path.abspath('a'))",
        "print(os.path.relpath(here('b')))",
    ),
}
OTHERWISE = {
    "one that is bound twice": stages(
        "import os\nBASE = os.getcwd()", "BASE = os.path.join(BASE, 'data')", "print(BASE[-4:])"
    ),
    "one of a folder that was gone to": stages(
        "import os\nBEFORE = os.getcwd()\nos.makedirs('inner', exist_ok=True)\nos.chdir('inner')",
        "AFTER = os.getcwd()",
        "print(os.path.relpath(AFTER, BEFORE))",
    ),
    "one that is computed in a branch": stages(
        "import os\nif os.path.exists('.'):\n    BASE = os.getcwd()\nelse:\n    BASE = 'none'",
        "print(BASE != 'none')",
        "print(len(BASE) > 4)",
    ),
}


@pytest.mark.parametrize("name", APART)
def test_a_stage_says_a_path_from_its_own_folder_again(name):
    plan, different = compare(APART[name])
    assert not different
    assert len(plan.stages) == 2  # what only says definitions is no stage
    assert not any(stage.outputs for stage in plan.stages)


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_depends_on_more_than_the_folder_is_handed_on_or_stays(name):
    plan, different = compare(OTHERWISE[name])
    assert not different
    places = [one for them in plan.analysis.definitions.values() for one in them]
    assert not any(one.kind == "place" and one.carried for one in places)
