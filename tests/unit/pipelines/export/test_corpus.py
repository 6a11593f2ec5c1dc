"""Notebooks as people write them: each becomes a pipeline that gives the same."""

import json
from pathlib import Path

import pytest
from datalab_pipelines import export
from datalab_pipelines.export.command import main
from exporting import compare, notebook, stages

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"
STAGES = {
    "bank": 3,
    "bayes_coin": 4,
    "clusters": 5,
    "config": 3,
    "database": 2,
    "energy_use": 4,
    "forecast_report": 3,
    "gradient_descent": 5,
    "graphs": 4,
    "house_prices": 5,
    "iris": 5,
    "knn_from_scratch": 3,
    "log_analysis": 4,
    "monte_carlo": 3,
    "no_headings": 1,
    "numpy_chapter": 6,
    "only_ipython": 1,
    "pipeline_of_sklearn": 2,
    "plots": 3,
    "puzzles": 3,
    "queue_simulation": 3,
    "sales_cleaning": 4,
    "shell_and_files": 3,
    "spam_filter": 5,
    "text_mining": 3,
    "time_series": 3,
    "titanic_style": 6,
}


@pytest.mark.parametrize("name", STAGES)
def test_a_notebook_is_split_where_its_headings_are_as_far_as_that_is_right(name):
    found = export.plan(export.analyse(export.read(NOTEBOOKS / f"{name}.ipynb")))
    assert len(found.stages) == STAGES[name]
    assert json.dumps(found.to_json())


def test_every_notebook_of_the_corpus_has_its_number_of_stages():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(STAGES)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_exported_project_is_verified_in_processes_of_its_own(path, tmp_path):
    assert main([str(path), "--to", str(tmp_path / "out"), "--verify"]) == 0
    for name in ("pipeline.py", "template.yaml", "README.md", "requirements.in"):
        assert (tmp_path / "out" / name).exists()


def test_a_stage_that_cannot_hand_on_what_it_made_fails_aloud(tmp_path):
    from datalab_pipelines.errors import ArtifactError

    made = "import numpy as np\nm = bytearray(8)\na, b = np.frombuffer(m, 'u1'), np.frombuffer(m)"
    with pytest.raises(ArtifactError, match="share memory"):
        compare(stages(made, "b[0] = 3", "c = a.sum() + b.sum()"))


def test_a_view_that_one_stage_changes_is_changed_in_the_array_of_the_next():
    made = "import numpy as np\na = np.zeros((3, 4))\nb = a[1]\nc = a.T[2:]"
    plan, different = compare(stages(made, "b += 1\nc[0, 0] = 5", "d = a.sum() + c.sum()"))
    assert not different
    assert len(plan.stages) == 3


def test_functions_that_see_variables_stay_with_them_and_the_plan_says_so():
    cells = stages("k = [1]\nfs = [lambda: k[0]]", "k = [2]", "r = fs[0]()")
    plan, different = compare(cells)
    assert not different and len(plan.stages) == 1
    assert any(
        "fs holds a function of the notebook, which reads k" in one.message for one in plan.warnings
    )


def test_nothing_is_written_for_a_notebook_that_is_refused(tmp_path, capsys):
    path = notebook(tmp_path / "bad.ipynb", ["x = = 1"])
    assert main([str(path), "--to", str(tmp_path / "out")]) == 2
    assert "cell 1, line 1" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["bad.ipynb"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, capsys):
    path = notebook(tmp_path / "good.ipynb", ["x = 1"])
    assert main([str(path), "--to", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err


def test_a_dry_run_shows_the_plan_as_json_and_writes_nothing(tmp_path, capsys):
    path = notebook(tmp_path / "good.ipynb", stages("x = [1]", "x.append(2)"))
    assert main([str(path), "--dry-run", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["plan"]["stages"]) == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_choices_merge_and_rename_and_unknown_ones_are_refused(tmp_path):
    cells = stages("x = [1]", "x.append(2)", "x.append(3)")
    analysis = export.analyse(export.read(notebook(tmp_path / "n.ipynb", cells)))
    found = export.plan(analysis, export.Choices(boundaries=[5], rename={"n": "first"}))
    assert found.stages[0].name == "first"
    assert [stage.cells for stage in found.stages] == [[1, 3], [5]]
    with pytest.raises(export.ExportError, match="no stage 'none'"):
        export.plan(analysis, export.Choices(rename={"none": "x"}))


def test_a_coarser_plan_keeps_the_names_and_computes_that_a_person_chose(tmp_path):
    from datalab_pipelines.export.proof.verifying import without_boundary

    cells = stages("x = [1]", "x.append(2)", "y = list(x)")
    analysis = export.analyse(export.read(notebook(tmp_path / "n.ipynb", cells)))
    chosen = export.Choices(rename={"part_ax": "begin"}, compute={"part_cx": "Lambda()"})
    found = export.plan(analysis, chosen)
    assert [stage.name for stage in found.stages] == ["begin", "part_bx", "part_cx"]
    joined = without_boundary(found, 1, "a test")
    assert [(stage.name, stage.compute) for stage in joined.stages] == [
        ("begin", ""),
        ("part_cx", "Lambda()"),
    ]
    assert joined.stages[1].sources["x"][0] == "begin"
