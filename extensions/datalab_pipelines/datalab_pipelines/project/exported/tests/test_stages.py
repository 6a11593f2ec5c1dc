"""Every stage is a function: it can be called with what it got in the run, or with less.

Add tests of your own: import a stage, call it with a few rows, and look at what it gives.
"""

from pathlib import Path

import pytest
from datalab_pipelines.testing import inputs_of

from pipeline import main

STAGES = {node.name: node.stage for node in main.graph.stages()}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_can_be_called_with_what_it_got_in_the_run(name, run, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    given = run.value(name)
    again = STAGES[name](**inputs_of(main, run, name))
    assert type(again) is type(given)
    if isinstance(given, dict):
        assert again.keys() == given.keys()
