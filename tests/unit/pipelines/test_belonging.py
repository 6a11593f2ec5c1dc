"""What a stage's function defines means something in that stage alone."""

import pytest
from datalab_pipelines import stage
from datalab_pipelines.belonging import local_to_a_stage
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
