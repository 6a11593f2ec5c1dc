"""One run of the whole pipeline on this machine, which all tests look at."""

import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Run the pipeline with its default parameters; ``run.value("a_stage")`` is what that gave."""
    from datalab_pipelines.run import run_pipeline

    from pipeline import main

    return run_pipeline(main, folder=tmp_path_factory.mktemp("run"))
