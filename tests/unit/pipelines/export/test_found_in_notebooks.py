"""What notebooks of others have shown: each on its own, in as few lines as it takes."""

import json
from itertools import pairwise

import matplotlib.figure
import pandas
import pytest
from datalab_pipelines import export
from datalab_pipelines.export.code.data_files import data_files
from datalab_pipelines.export.code.writing import render_code
from datalab_pipelines.export.command import main
from datalab_pipelines.export.flow.heap import Heap
from datalab_pipelines.export.projects import requirements
from datalab_pipelines.export.proof.running import does_not_run
from datalab_pipelines.export.proof.verifying import verify
from datalab_pipelines.notebook import show
from exporting import compare, notebook, planned, stages


def code(folder, cells):
    """Return the modules of a notebook's project as one text."""
    files = render_code(planned(folder, cells))
    return "\n".join(text.decode() for path, text in files.items() if path.endswith(".py"))


def test_a_frozen_distribution_draws_from_the_global_generator_in_every_stage():
    plan, different = compare(
        stages(
            "import numpy as np\nfrom scipy.stats import norm\nnp.random.seed(0)\nd = norm(2, 3)",
            "a = d.rvs(2)\nb = np.random.rand()",
            "c = d.rvs(2)\ne = np.random.rand()",
        )
    )
    assert not different
    assert len(plan.stages) == 3


def test_seaborn_draws_where_it_bootstraps_and_jitters(tmp_path):
    cells = stages(
        "import numpy as np\nimport seaborn as sns\nnp.random.seed(1)\nxs = [1, 2, 3]",
        "sns.stripplot(x=xs)",
        "y = np.random.rand()",
    )
    assert [one.random_in for one in planned(tmp_path, cells).stages] == [False, True, True]


def test_functions_of_one_name_hold_only_their_own_cells_together():
    plan, different = compare(
        stages(
            ("def f(x):\n    return x + 1", "a = f(1)"),
            ("def f(x):\n    return x * 10", "b = f(a)"),
            "c = a + b",
        )
    )
    assert not different
    assert len(plan.stages) == 3


def test_a_function_that_is_called_by_another_is_the_one_that_was_there(tmp_path):
    plan, different = compare(
        stages(
            ("def f(x):\n    return x + 1\ndef g(x):\n    return f(x)", "a = g(1)"),
            "b = g(2)",
            ("def f(x):\n    return x * 10", "c = g(3)"),
        )
    )
    assert not different
    assert len(plan.stages) == 3


def test_headings_with_nothing_but_imports_below_do_not_count(tmp_path):
    cells = ["# Imports", "import math", "# Only one", "a = [1]"]
    cells += ["## Deeper", "a.append(2)", "## Deeper still", "b = len(a)"]
    found = [one.title for one in planned(tmp_path, cells).stages]
    assert found == ["Only one", "Deeper", "Deeper still"]


def test_a_type_is_written_as_the_notebook_reaches_it(tmp_path):
    cells = stages(
        "import joblib.parallel as jp\nd = jp.logging.Formatter()", "e = [d]", "n = [d, e]"
    )
    assert "d: jp.logging.Formatter" in code(tmp_path, cells)


def test_a_path_that_goes_on_to_the_next_stage_is_no_file_of_it(tmp_path):
    cells = stages(
        "import tempfile\nfrom pathlib import Path\np = Path(tempfile.gettempdir())",
        "q = p / 'a'",
        "n = q.name",
    )
    assert not compare(cells)[1]
    assert ": Path" not in code(tmp_path, cells)


def test_figures_of_grids_belong_to_the_cell_that_makes_them(tmp_path):
    cells = ["# A", "import seaborn as sns\ng = sns.PairGrid([1])\ng.map_upper(print)", "x = [1]"]
    assert "end_of_cell()" in code(tmp_path, cells)


def test_an_underscore_of_a_comprehension_is_not_the_last_output(tmp_path):
    assert not planned(tmp_path, ["xs = [_ * 2 for _ in range(3)]", "f = lambda _: _"]).whole


def test_setup_is_no_title_of_a_notebook(tmp_path):
    path = notebook(tmp_path / "churn_model.ipynb", ["# Setup", "x = [1]", "# Model", "y = x"])
    assert export.read(path).title == "churn model"


def test_what_is_downloaded_unless_it_is_there_is_a_file_of_the_project(tmp_path):
    (tmp_path / "births.csv").write_text("x\n1\n")
    plan = planned(tmp_path, ["url = 'https://example.org/data/births.csv'", "print(url)"])
    assert data_files(plan) == ["births.csv"]


def test_modules_beside_the_notebook_come_with_what_they_import(tmp_path):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("from .plots import draw\n")
    (tmp_path / "helpers" / "plots.py").write_text("import colours\ndef draw(): return 1\n")
    (tmp_path / "colours.py").write_text("import joblib\nRED = 1\n")
    (tmp_path / "other.py").write_text("")
    plan = planned(tmp_path, ["from helpers import draw", "draw()"])
    assert data_files(plan) == ["colours.py", "helpers/__init__.py", "helpers/plots.py"]
    assert any(line.startswith("joblib==") for line in requirements.find(plan).direct)


@pytest.mark.parametrize("name", ["a--b", "-a", "A", "a_b", "x" * 41])
def test_a_name_that_cannot_be_is_refused_before_anything_runs(tmp_path, capsys, name):
    path = notebook(tmp_path / "nb.ipynb", ["raise SystemExit('it ran')"])
    assert main([str(path), f"--name={name}", "--verify", "--to", str(tmp_path / "out")]) == 2
    assert "is no name for a pipeline" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("cell", "said", "hint"),
    [
        ("import nothing_of_this_name", "No module named", "Install nothing_of_this_name"),
        ("raise OSError('<urlopen error> URLError')", "URLError", "from the network"),
        ("open('no.csv')", "FileNotFoundError", "there is no no.csv: correct the path"),
        ("open('/nowhere/no.csv')", "FileNotFoundError", "there is no /nowhere/no.csv: correct"),
        ("raise FileNotFoundError('no.txt not found.')", "FileNotFoundError", "name it as text"),
        ("open('vsc.ereht'[::-1])", "FileNotFoundError", "name it as text"),
        ("def f():\n    return 1 / 0\nf()", "ZeroDivisionError: division by zero", "Restart"),
    ],
)
def test_a_notebook_that_fails_is_refused_with_its_cell_and_line(tmp_path, cell, said, hint):
    (tmp_path / "there.csv").write_text("1")
    plan = planned(tmp_path, ["x = 1", cell])
    with pytest.raises(export.ExportError) as caught:
        verify(plan)
    assert caught.value.cell == 1
    assert caught.value.line == (2 if "def" in cell else 1)
    assert said in str(caught.value)
    assert hint in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_failure_without_a_cell_is_told_all_the_same():
    assert "Killed" in str(does_not_run("Killed"))


def test_a_result_that_cannot_be_stored_is_left_out(tmp_path):
    cells = [
        "import pandas as pd",
        "class No:\n    def __reduce__(self):\n        raise TypeError('no')",
        "s = pd.Series([No()])\nn = len(s)",
    ]
    found = verify(planned(tmp_path, cells))
    assert found.status == "equal", (found.error, found.different)
    assert [port.name for port in found.plan.stages[-1].outputs] == ["n"]
    assert any("s cannot be stored" in one.message for one in found.plan.warnings)


def test_what_two_runs_at_once_have_in_common_by_chance_is_no_difference(tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    cell = f"""import os, tempfile
late = len(os.listdir({str(runs)!r})) >= 2  # as a clock in seconds
_ = tempfile.mkstemp(dir={str(runs)!r})
print(late)"""
    found = verify(planned(tmp_path, [cell, "x = 1"]))
    assert found.status == "equal"
    assert found.not_comparable["late"] == "it changes from run to run"


def test_what_many_objects_hold_is_walked_once():
    class Counting(dict):
        asked = 0

        def get(self, *arguments):
            self.asked += 1
            return super().get(*arguments)

    heap = Heap(holds=Counting())
    numbers = [heap.new(place) for place in range(300)]
    for one, other in pairwise(numbers):
        heap.hold([one], frozenset({other}))
    heap.holds.asked = 0
    assert heap.elements(frozenset(numbers)) == frozenset(numbers)
    assert heap.holds.asked < 3 * len(numbers)  # and not its square


def test_what_shows_nothing_is_left_out(tmp_path):
    text = code(tmp_path, ["# A", "import numpy as np\nx = [1]\nx\nnp.random.seed(1)", "y = x"])
    assert "show(" not in text
    assert "\nx\n" not in text


def test_the_notebook_runs_without_what_only_the_exporter_has_loaded(tmp_path):
    found = verify(planned(tmp_path, ["import sys\nloaded = 'IPython' in sys.modules"]))
    assert found.status == "equal"


def test_a_table_of_contents_is_no_prose(tmp_path):
    text = "# T\n\n1. [Load](#Load)\n2. [Train](#Train)\n\nWhat it does."
    path = tmp_path / "nb.ipynb"
    cells = [{"cell_type": "markdown", "source": text, "metadata": {}}]
    cells += [{"cell_type": "code", "source": "x = [1]", "metadata": {}}]
    path.write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    files = render_code(export.plan(export.analyse(export.read(path))))
    stage = files["stages/t.py"].decode()
    assert "What it does." in stage
    assert "#Load" not in stage


def test_prose_is_kept_as_it_is_laid_out(tmp_path):
    path = tmp_path / "nb.ipynb"
    text = "# T\n\nTwo things:\n\n* the first one\n* the second,\n  in two lines"
    cells = [{"cell_type": "markdown", "source": text, "metadata": {}}]
    cells += [{"cell_type": "code", "source": "x = [1]\ny = x", "metadata": {}}]
    cells += [{"cell_type": "code", "source": "for z in y:\n    print(z)", "metadata": {}}]
    path.write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    files = render_code(export.plan(export.analyse(export.read(path))))
    stage = next(text.decode() for name, text in files.items() if name == "stages/t.py")
    assert "\n* the first one\n* the second, in two lines\n" in stage
    assert "y = x\n\n    for z in y:" in stage  # a line between two cells


def test_a_stage_begins_after_the_cells_that_have_to_stay_together(tmp_path):
    plan = planned(
        tmp_path,
        stages(
            ("xs = [1]", "it = iter(xs)"),
            ("a = next(it)", "b = len(xs)", "c = b + 1", "d = c + 1"),
        ),
    )
    assert [stage.cells for stage in plan.stages] == [[1, 2, 4], [5, 6, 7]]
    assert "so 'Part bx' begins with cell 6" in plan.warnings[0].message


def test_tables_are_joined_by_the_name_of_the_argument(tmp_path):
    plan, different = compare(
        stages(
            "import pandas as pd\na = pd.DataFrame({'x': [1]})",
            "both = pd.concat(objs=[a, a], axis=0)",
            "both['y'] = 1\nsize = both.shape",
        )
    )
    assert not different
    assert len(plan.stages) == 3


def test_a_class_is_shown_as_one_though_its_objects_have_html(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DATALAB_REPORT", str(tmp_path / "report"))
    show(type(pandas.DataFrame()))
    show(matplotlib.figure.Figure)
    printed = capsys.readouterr().out
    assert "DataFrame" in printed
    kept = [path.read_text() for path in sorted((tmp_path / "report").iterdir())]
    assert [kind in text for kind, text in zip(("DataFrame", "Figure"), kept, strict=True)] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("imports", "sets"),
    [
        ("import matplotlib as mpl", "mpl.style.use('classic')"),
        ("import matplotlib", "matplotlib.style.use('classic')"),
        ("import matplotlib as mpl\nimport matplotlib.style", "mpl.style.use('classic')"),
    ],
)
def test_a_submodule_that_another_import_has_loaded_is_imported(tmp_path, imports, sets):
    # In a process of its own: here everything of Matplotlib is loaded.
    cells = stages(
        f"{imports}\nimport matplotlib.pyplot as plt\n{sets}\nxs = [sum([1])]",
        "xs.append(2)\nplt.plot(xs)\nplt.show()",
        "print(xs)",
    )
    found = verify(planned(tmp_path, cells))
    assert found.status == "equal", found.error
    assert len(found.plan.stages) == 3
