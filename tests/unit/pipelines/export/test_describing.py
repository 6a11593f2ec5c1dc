"""What a commit says of the proof, in sentences."""

from datalab_pipelines.digests import digests
from datalab_pipelines.export.projects.describing import proof
from datalab_pipelines.export.proof.verifying import Verification
from exporting import planned


def test_what_cannot_be_compared_is_told_by_its_reason(tmp_path):
    found = Verification("equal", planned(tmp_path, ["x = [1]"]))
    found.equal, found.outputs_equal = ["a"], 2
    found.not_comparable = {"fig": "it is a drawing", "t": "it varies", "ax": "it is a drawing"}
    found.outputs_not_comparable = {"3": "it varies"}
    assert proof(found) == [
        "Verified: the notebook ran twice and the pipeline once, in clean processes; 1 variable is "
        "equal at the end, and what 2 cells show is the same.",
        "Not comparable: fig, ax (it is a drawing); t, the output of cell 3 (it varies).",
    ]


def test_of_much_that_cannot_be_compared_the_first_is_told(tmp_path):
    found = Verification("equal", planned(tmp_path, ["x = [1]"]))
    found.not_comparable = {f"x{number}": "it varies" for number in range(11)}
    assert proof(found)[1] == (
        "Not comparable: x0, x1, x2, x3, x4, x5, x6, x7 (it varies); and 3 more."
    )


def test_a_difference_beside_what_varies_may_be_chance(tmp_path):
    found = Verification("different", planned(tmp_path, ["x = [1]"]), different={"x": "nb"})
    assert [one for one in proof(found) if "seeds" in one] == []
    found.not_comparable = {"y": "it changes from run to run"}
    assert proof(found)[0] == "THE PIPELINE IS NOT THE NOTEBOOK: x (after nb)."
    assert "set seeds" in proof(found)[1]


def test_a_value_that_no_digest_stands_for_says_what_it_is():
    import matplotlib.figure

    class Odd:
        def __reduce__(self):
            raise RuntimeError("no")

    values = {"fig": matplotlib.figure.Figure(), "g": (x for x in ()), "odd": Odd(), "n": 1}
    found = digests(values)
    assert found["fig"] == "? it is a drawing"
    assert found["g"] == "? it is a generator"
    assert found["odd"] == "? RuntimeError: no"
    assert not found["n"].startswith("?")


def test_what_python_and_ipython_keep_has_no_digest():
    kept = ["_", "__", "_1", "_i", "_ii", "_i12", "_oh", "_dh", "_exit_code", "__name__", "In"]
    own = ["_x", "_244_err", "__x", "_id", "x_"]
    assert list(digests(dict.fromkeys([*kept, *own], 1))) == own
