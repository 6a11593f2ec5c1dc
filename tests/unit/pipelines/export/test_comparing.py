"""What is compared of cells' output, and what stands for anything."""

import io
from contextlib import redirect_stdout

import numpy
import pytest
from datalab_pipelines.digests import digest
from datalab_pipelines.export.proof import verifying
from datalab_pipelines.export.proof.comparing import Reference, difference
from datalab_pipelines.export.proof.reference import _fill_empty_arrays
from datalab_pipelines.export.proof.running import run_notebook
from datalab_pipelines.export.proof.verifying import _once_more, verify
from datalab_pipelines.outputs import note_value, recording
from exporting import compare, planned, stages


def run(*cells, optional=()):
    return {
        str(number): {"variables": {}, "outputs": list(lines), "optional": list(optional)}
        for number, lines in enumerate(cells)
    }


def test_the_same_lines_are_the_same_and_another_one_names_its_cell():
    found = Reference(run(["a"], ["b", "c"]), run(["a"], ["b", "c"]))
    assert difference(found.shown([0, 1]), ["a", "b", "c"]) is None
    wrong = difference(found.shown([0, 1]), ["a", "b", "x"])
    assert str(wrong) == "cell 2 shows 'c', not 'x'"
    assert difference(found.shown([0, 1]), ["a", "b"]).got == ""
    assert difference(found.shown([0, 1]), ["a", "b", "c", "d"]).got == "d"


def test_a_line_that_changes_from_run_to_run_stands_for_any_line():
    found = Reference(run(["took 1.2 s", "b"]), run(["took 1.3 s", "b"]))
    assert difference(found.shown([0]), ["took 9 s", "b"]) is None
    assert difference(found.shown([0]), ["took 9 s", "c"])
    assert "numbers in it change" in found.unsure[0]


def test_a_cell_with_another_number_of_lines_each_time_stands_for_any_text():
    found = Reference(run(["a", "b"], ["end"]), run(["a"], ["end"]))
    assert difference(found.shown([0, 1]), ["x", "y", "z", "end"]) is None
    assert difference(found.shown([0, 1]), ["x", "y", "z"])
    assert "2 lines in one run and 1 in the next" in found.unsure[0]


def test_what_a_plot_returns_may_be_shown_or_not():
    found = Reference(run(["a"], optional=["[<Line2D>]"]), run(["a"], optional=["[<Line2D>]"]))
    assert difference(found.shown([0]), ["a"]) is None
    assert difference(found.shown([0]), ["a", "[<Line2D>]"]) is None


def test_a_third_run_tells_what_two_agreed_on_by_chance():
    runs = [run(["3", "x"]), run(["3", "y"]), run(["4", "z"])]
    assert difference(Reference(*runs[:2]).shown([0]), ["5", "x"])
    assert Reference(*runs[:2]).varies
    assert difference(Reference(*runs).shown([0]), ["5", "x"]) is None


def recorded(show):
    with redirect_stdout(io.StringIO()), recording() as recorder:
        show()
        return recorder.take()


def test_addresses_and_the_module_of_a_class_do_not_count():
    lines = recorded(lambda: print("<__main__.Thing object at 0x7f12ab34cd56>"))
    assert lines == ["<Thing object at 0x…>"]
    assert recorded(lambda: print("<stages.train.Thing object at 0x7f00ab34cd56>")) == lines


def test_what_a_progress_bar_leaves_is_its_last_state():
    assert recorded(lambda: print("10%\r50%\r100%")) == ["100%"]


def test_a_table_is_compared_as_it_looks():
    class Table:
        def __init__(self, text):
            self.text = text

        def _repr_html_(self):
            return self.text

    first, same, other = (
        recorded(lambda text=text: note_value(Table(text))) for text in ("<b>", "<b>", "<i>")
    )
    assert first == same != other


def test_very_long_lines_are_kept_short_and_still_told_apart():
    first, other = (recorded(lambda end=end: print("x" * 5000 + end)) for end in "ab")
    assert len(first[0]) < 300 and first != other


def test_arrays_that_nobody_has_filled_are_something_else_in_the_second_run(monkeypatch):
    for name in ("empty", "empty_like"):
        monkeypatch.setattr(numpy, name, getattr(numpy, name))
    _fill_empty_arrays()
    assert numpy.empty((2, 2)).sum() == 77 * 4
    assert numpy.empty_like(numpy.zeros(3)).tolist() == [77.0] * 3
    assert numpy.empty(2, dtype=object).tolist() == [None, None]


def test_universal_functions_are_told_apart_by_their_names():
    holds = {"of": [numpy.tanh]}
    assert digest(holds) == digest({"of": [numpy.tanh]})
    assert digest(holds) != digest({"of": [numpy.cosh]})


@pytest.mark.parametrize("kind", ["float16", "float64", "complex128"])
def test_a_missing_number_is_one_whatever_its_sign(kind):
    missing = numpy.array([[1, numpy.nan], [2, 3], [numpy.nan, 4]], dtype=kind)
    other = missing.copy()
    parts = other.reshape(-1).view(other.real.dtype)
    numpy.copysign(parts, -1, out=parts, where=numpy.isnan(parts))
    assert missing.tobytes() != other.tobytes()
    for one, two in ((missing, other), (missing.T, other.T), (missing[0, 1:], other[0, 1:])):
        assert digest(one) == digest(two)
    assert digest(missing) != digest(numpy.nan_to_num(missing))
    assert digest(numpy.array([0.0])) != digest(numpy.array([-0.0]))


def test_a_table_with_nothing_divided_by_nothing_goes_from_stage_to_stage(tmp_path):
    cells = stages(
        "import pandas as pd\nt = pd.DataFrame({'a': [0.0, 1.0]})\nt['b'] = t['a'] / t['a']",
        "n = len(t)\nprint(t)",
    )
    found = verify(planned(tmp_path, cells))
    assert found.status == "equal"
    assert len(found.plan.stages) == 2


def test_a_quick_notebook_that_tosses_coins_is_asked_often_before_a_difference_is_believed(
    tmp_path, monkeypatch
):
    plan = planned(tmp_path, stages("print(5)", "print(1)"))
    once = run_notebook(plan, tmp_path / "once", 60, {})
    cells = list(once)
    runs = []

    def tossed(*_):
        coin = "1" if len(runs) == 9 else "0"  # the pipeline shows the other side
        outputs = {cells[0]: [str(len(runs))], cells[1]: [coin]}
        runs.append({cell: {**noted, "outputs": outputs[cell]} for cell, noted in once.items()})
        return runs[-1]

    monkeypatch.setattr(verifying, "twice", lambda *_: [tossed(), tossed()])
    monkeypatch.setattr(verifying, "run_notebook", tossed)
    found = verify(plan)
    assert (found.status, len(found.plan.stages), len(runs)) == ("equal", 2, 10)


def test_a_slow_notebook_is_asked_six_times_and_one_that_never_varies_three():
    assert [_once_more(runs, True, 100.0) for runs in (5, 6)] == [True, False]
    assert [_once_more(runs, False, 0.0) for runs in (2, 3)] == [True, False]
    assert [_once_more(runs, True, 1.0) for runs in (11, 12)] == [True, False]


def test_what_one_notebook_takes_from_the_future_is_none_of_the_next_ones():
    compare(["from __future__ import annotations", "a = 1"])
    hints = [
        "Kind = int\ndef f(x: Kind):\n    return x",
        "Kind = str",
        "a = f.__annotations__['x']",
    ]
    _, different = compare([*hints, "b = a.__name__"])
    assert not different


PERHAPS_BOUND = stages(
    "a = [1]\nb = [1]\nc = [0]\nk = 3", "k = 0", "a = b", "if k % 2:\n    a = c\nb.append(2)"
)


def test_a_value_that_changes_through_another_variable_was_not_bound():
    plan, different = compare(PERHAPS_BOUND)
    assert not different
    assert len(plan.stages) == 4


def test_a_variable_that_the_stage_did_not_bind_and_the_notebook_did_is_noticed():
    cells = [cell.replace("k = 0", "k = 1") for cell in PERHAPS_BOUND]
    assert not compare(cells)[1]

    def change(folder):
        for path in (folder / "stages").glob("*.py"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("if k % 2:", "if k > 2:"), encoding="utf-8")

    _, different = compare(cells, change=change)
    assert list(different) == ["a"]


def test_a_pipeline_that_cannot_even_be_read_says_what_python_said_last(tmp_path):
    plan = planned(tmp_path, stages("a = sum([1])", "print(a)"))
    error = 'pipeline: 1/pipeline.py", line 5, in <module>\n    import b\nAttributeError: no b'
    found = verifying.Verification("failed", plan, error=error)
    assert verifying._boundary(plan, found) == (1, "AttributeError: no b")
