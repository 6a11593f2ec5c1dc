"""Random notebooks: whatever the cells do with names and objects, the pipeline does the same."""

import collections
import os
import tempfile
from pathlib import Path

import pytest
from datalab_pipelines import export
from datalab_pipelines.errors import ArtifactError
from exporting import NotebookFails, compare, notebook
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from notebook_strategies import LINES, notebooks

# `make fuzz N=…` asks for more than `make test-slow` does.
MANY = int(os.environ.get("DATALAB_FUZZ", "2000"))
LOOSE = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def agree(cells, kinds):
    for kind in kinds:
        event(kind)
    try:
        plan, different = compare(cells)
    except NotebookFails:
        return event("(the notebook itself fails)")
    except ArtifactError:
        return event("(refused aloud: `verify` makes such a split coarser)")
    event(f"({len(plan.stages)} stages, {plan.form})")
    assert not different, [(stage.name, stage.outputs) for stage in plan.stages]


@pytest.mark.timeout(1200)
@settings(max_examples=500, derandomize=True, **LOOSE)
@given(notebooks())
def test_a_random_notebook_and_its_pipeline_agree_or_the_pipeline_refuses(made):
    agree(*made)


@pytest.mark.slow
@pytest.mark.timeout(12 * 3600)
@settings(max_examples=MANY, **LOOSE)
@given(notebooks())
def test_many_random_notebooks_and_their_pipelines_agree(made):
    agree(*made)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=50, **LOOSE)
@given(notebooks())
def test_random_notebooks_verify_in_processes_of_their_own(made):
    cells, _ = made
    with tempfile.TemporaryDirectory() as folder:
        plan = export.plan(export.analyse(export.read(notebook(Path(folder) / "n.ipynb", cells))))
        try:
            found = export.verify(plan, timeout=300)
        except export.ExportError as error:
            assert "does not run from top to bottom" in error.message
        else:
            assert found.status == "equal", (found.error, found.different)


def test_the_random_notebooks_reach_every_kind_of_line():
    reached = collections.Counter()

    # Many lines in each: what is drawn depends on the modules that are loaded.
    @settings(max_examples=300, derandomize=True, database=None, **LOOSE)
    @given(st.lists(LINES, min_size=40, max_size=40))
    def collect(lines):
        reached.update({kind for kind, _ in lines})

    collect()
    wanted = {
        *("alias", "container", "mutation", "global in a function", "draw", "seed", "object"),
        *("del", "star import", "comprehension", "with", "walrus", "lambda", "closure", "view"),
        *(
            "class attribute",
            "late name",
            "function again",
            "class that reads",
            "class again",
            "unpacking",
            "print",
        ),
        *("alias in try:", "mutation in if", "draw in for"),
    }
    seldom = {kind: reached[kind] for kind in wanted if reached[kind] < 2}
    assert not seldom, seldom
