"""What a stage's function defines means something in that stage alone."""

import subprocess
import sys

import pytest
from datalab_pipelines import stage
from datalab_pipelines.belonging import local_to_a_stage
from datalab_pipelines.entry import EXPORT_RECORD
from datalab_pipelines.errors import ArtifactError
from datalab_pipelines.serializers import load, save


@stage
def makes() -> list:
    """Return what other stages cannot take, and what they can."""
    factor = [2]

    class Own:
        pass

    def sees(x):
        return x * factor[0]

    def calls(x):
        return alone(x)

    def alone(x):
        return x + 1

    def make(n):
        return lambda x: x + n

    return [Own(), sees, calls, alone, make(3)]


def test_a_class_and_a_function_that_sees_variables_belong_to_their_stage():
    own, sees, calls, alone, closure = makes.function()
    assert local_to_a_stage(type(own)) == "the class Own of the stage makes"
    assert "sees its variable factor" in local_to_a_stage(sees)
    assert [local_to_a_stage(one) for one in (calls, alone, closure, list, len)] == [""] * 5


@pytest.mark.parametrize("at", [0, 1])
def test_another_stage_does_not_take_them_and_who_reads_the_result_does(at, tmp_path):
    save([makes.function()[at]], tmp_path / "held")
    assert len(load(tmp_path / "held")) == 1
    with pytest.raises(ArtifactError, match="another stage cannot take it"):
        load(tmp_path / "held", elsewhere=True)


def test_a_function_that_only_knows_what_it_was_given_goes_on(tmp_path):
    save(makes.function()[4], tmp_path / "closure")
    assert load(tmp_path / "closure", elsewhere=True)(4) == 7


PIPELINE = """
from datalab_pipelines import pipeline, stage


@stage
def fit() -> object:
    factor = 2

    def predict(x):
        return x * factor

    return predict


@stage
def judge(predict: object) -> int:
    return predict(21)


@pipeline("closure")
def main() -> None:
    judge(fit())


if __name__ == "__main__":
    main.main()
"""


@pytest.mark.parametrize("exported", [False, True])
def test_only_a_project_that_was_a_notebook_refuses_a_function_that_sees_variables(
    exported, tmp_path
):
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    if exported:
        (tmp_path / EXPORT_RECORD).write_text("{}")
    command = [sys.executable, "pipeline.py", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == (1 if exported else 0), said
    assert ("another stage cannot take it" in said) is exported
