"""The proof notices when a pipeline is not its notebook: one thing is made wrong at a time.

A mutant is *equivalent* when the wrong notebook itself makes the same variables and prints the
same, judged by pickles and not by the proof's digests. Every other one has to be noticed.
"""

import contextlib
import io
import json
import os
import random
import tempfile
from pathlib import Path

import numpy
import pytest
from datalab_pipelines.export.errors import ExportError
from exporting import compare, compared_with, planned, ran, verified
from mutating import mutants, outcome, unwired

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
SOME = ("bank", "config", "gradient_descent", "monte_carlo", "text_mining", "time_series")


def cells_of(name):
    document = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    found = []
    for cell in document["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found.append(source)
        elif source.lstrip().startswith("#"):
            found.append(source.replace("# ", "## ", 1) if source.startswith("# ") else source)
    return found


def survivors(name, chosen):
    """Return (how many mutants were noticed, those that are equivalent, those that were not)."""
    cells = cells_of(name)
    noticed, equivalent, missed = 0, [], []
    with tempfile.TemporaryDirectory() as scratch:
        plan = planned(scratch, cells)
        reference = ran(plan, Path(scratch))
        for what, wrong in chosen(list(mutants(cells))):
            if compared_with(reference, plan, wrong):
                noticed += 1
            elif plain_run(cells) == plain_run(wrong):
                equivalent.append(what)
            else:
                missed.append(what)
    return noticed, equivalent, missed


def plain_run(cells):
    """Run the cells without any of the exporter; return what they make and print."""
    random.seed(11)
    numpy.random.seed(11)
    variables, printed, here = {"__name__": "__main__"}, io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(printed):
                for cell in cells:
                    if not cell.startswith(("# ", "## ", "%")):
                        exec(cell, variables)
        except Exception as error:  # noqa: BLE001 - a mutant may do anything
            return f"{type(error).__name__}: {error}"
        finally:
            os.chdir(here)
    return outcome(variables), printed.getvalue()


@pytest.mark.parametrize("name", SOME)
def test_a_cell_that_means_something_else_is_noticed(name):
    def chosen(every):
        return random.Random(7).sample(every, min(len(every), 12))

    noticed, equivalent, missed = survivors(name, chosen)
    assert not missed, missed
    assert noticed > len(equivalent)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SOME)
def test_every_mutant_of_a_notebook_is_noticed_or_equivalent(name, record_property):
    noticed, equivalent, missed = survivors(name, lambda every: every)
    record_property("noticed", noticed)
    print(f"{name}: {noticed} noticed, {len(equivalent)} equivalent: {equivalent}")
    assert not missed, missed


RANDOM = [
    "## One",
    "import random\nimport numpy as np\nrandom.seed(1)\nnp.random.seed(2)\na = random.random()",
    "## Two",
    "b = np.random.rand(3)\nc = random.random() + a",
    "## Three",
    "d = np.random.rand() + random.random() + b.sum() - c",
]


def test_a_wire_that_is_broken_is_noticed():
    missed, tried = [], 0
    with tempfile.TemporaryDirectory() as scratch:
        plan = planned(scratch, RANDOM)
        assert not verified(plan, Path(scratch) / "right").different
        project = Path(scratch) / "right" / "project"
        files = [project / "pipeline.py", *sorted((project / "stages").glob("*.py"))]
        for path in files:
            for what, text in unwired(path.read_text(encoding="utf-8")):
                tried += 1

                def change(folder, path=path, text=text):
                    (folder / path.relative_to(project)).write_text(text, encoding="utf-8")

                try:
                    _, different = compare(RANDOM, change=change)
                except Exception:  # noqa: BLE001 - it may fail in any way, aloud
                    continue
                if not different:
                    missed.append(f"{path.name}: {what}")
    assert tried
    assert not missed, missed


def test_a_setting_that_is_lost_is_noticed():
    cells = [
        "## One",
        "import pandas as pd\npd.set_option('display.precision', 2)\n"
        "df = pd.DataFrame({'x': [1 / 3]})",
        "## Two",
        "df",
    ]

    def change(folder):
        for path in [folder / "shared.py", *(folder / "stages").glob("*.py")]:
            text = path.read_text(encoding="utf-8")
            path.write_text(
                text.replace('"display.precision", 2', '"display.precision", 6').replace(
                    "'display.precision', 2", "'display.precision', 6"
                )
            )

    assert not compare(cells)[1]
    _, different = compare(cells, change=change)
    assert any("shows" in what for what in different)


def test_a_variable_with_an_underscore_before_it_is_compared_as_any():
    cells = ["## One", "_x = sum([1])\nx = sum([2])", "## Two", "_y = [_x, x]"]

    def change(folder):
        for path in (folder / "stages").glob("*.py"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("sum([1])", "sum([3])"))

    assert not compare(cells)[1]
    assert compare(cells, change=change)[1]


def test_a_mutant_that_cannot_be_exported_counts_as_noticed():
    with tempfile.TemporaryDirectory() as scratch:
        plan = planned(scratch, ["x = 1"])
        with pytest.raises(ExportError):
            planned(scratch, ["x = = 1"])
        assert compared_with(ran(plan, Path(scratch)), plan, ["x = = 1"])
