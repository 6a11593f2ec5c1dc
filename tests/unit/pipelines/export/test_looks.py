"""Code that a reviewer likes: no trace of what was taken out, no noise."""

from types import SimpleNamespace

import pytest
from datalab_pipelines.export.code.pieces import tidied
from datalab_pipelines.export.code.prose import paragraphs, sentence
from datalab_pipelines.export.code.rendering import code_files
from datalab_pipelines.export.proof.running import run_notebook
from datalab_pipelines.export.proof.verifying import verify
from datalab_pipelines.notebook import show
from datalab_pipelines.outputs import note_value, recording, tables_as_in_notebooks
from exporting import planned, stages


def of_stage(plan, name):
    return code_files(plan)[f"stages/{name}.py"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("# the tools\npass  # linear algebra\npass\nx = 1", "x = 1"),
        ("pass; pass", ""),
        ("pass; x = 1", "x = 1"),
        ("x = 1; pass", "x = 1"),
        ("x = 'ü'; pass  # why", "x = 'ü'  # why"),
        ("if x:\n    pass", "if x:\n    pass"),
    ],
)
def test_what_was_taken_out_leaves_nothing(text, left):
    assert tidied(text) == left


def test_comments_behind_imports_go_with_them(tmp_path):
    first = "import math # numbers\nimport json # data\nx = math.pi\nopen(json.dumps('a'), 'w')"
    text = of_stage(planned(tmp_path, stages(first, "y = x + 1", "z = y + 1")), "part_ax")
    assert "pass" not in text
    assert "# numbers" not in text


def test_a_pipeline_of_sklearn_is_no_line_that_is_drawn(tmp_path):
    cells = stages(
        "from sklearn.pipeline import make_pipeline\nimport pandas as pd\nx = 1",
        "model = make_pipeline('passthrough')\ny = x + 1",
        "z = y + 1",
    )
    assert "end_of_cell" not in of_stage(planned(tmp_path, cells), "part_bx")


def test_markup_in_comments_is_left_out(tmp_path):
    cells = ["## One", "x = 1", "Some **bold** words", "x += 1", "## Two", "y = x\nz = y + 1"]
    plan = planned(tmp_path, cells)
    plan.analysis.notebook.cells[2].kind = "markdown"
    assert "# Some bold words\n" in of_stage(plan, "one")


def test_nothing_is_shown_that_a_run_found_to_be_nothing_to_see(tmp_path):
    cells = stages(
        "import matplotlib.pyplot as plt\nxs = [2, 1]\nfig, ax = plt.subplots()",
        "ax.set_title('x')",
        ["xs.sort()", "xs.count(1)"],
        "fig",
    )
    found = verify(planned(tmp_path, cells))
    assert found.status == "equal"
    text = "".join(code_files(found.plan).values())
    assert "    xs.sort()\n" in text
    assert "    ax.set_title('x')\n" in text
    assert "show(xs.count(1))" in text
    assert "show(fig)" in text


def test_the_axes_that_seaborn_gives_are_not_shown(tmp_path):
    assert "show(" not in of_stage(
        planned(tmp_path, ["import seaborn as sns\nx = [1]", "sns.heatmap([x])"]), "nb"
    )


def test_identifiers_of_tables_do_not_count_what_is_in_them_does():
    def shown(html):
        value = SimpleNamespace(_repr_html_=lambda: html)
        with recording() as recorder:
            note_value(value)
            return recorder.take()

    one = '<style>#T_0a1b2_row0 {}</style><table id="T_0a1b2"><td>1</td></table>'
    assert shown(one) == shown(one.replace("0a1b2", "ffff0"))
    assert shown(one) != shown(one.replace("<td>1", "<td>2"))
    div = '<div id="0b0d6d6a-19b1-4a43-a4b6-53c1a7a0c0de">'
    assert shown(div) == shown(div.replace("0b0d6d6a", "1b0d6d6a"))


def test_no_line_of_prose_is_longer_than_a_line(tmp_path):
    link = "[License](https://example.org/" + "a" * 80 + ")"
    cells = [
        "## One\n\n" + f"{link} and https://example.org/{'b' * 120}",
        "x = 1",
        f"# \n{link}",
        "x += 1",
    ]
    plan = planned(tmp_path, [*cells, "## Two", "y = x\nz = y + 1"])
    text = of_stage(plan, "one")
    assert max(map(len, text.splitlines())) <= 100
    assert "License and\nhttps://example.org/bbb" in text
    assert "# License\n" in text


def test_a_quotation_is_prose_without_its_marks():
    assert paragraphs([">The sinking\n> of it\n\nx > 2"]) == ["The sinking of it", "x > 2"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Titanic: machine learning from disaster", "titanic_machine_learning"),
        ("What the data are made of", "what_the_data_are_made_of"),
        ("Of the in the of the in the of the end of it", "end"),
    ],
)
def test_a_name_that_is_cut_ends_with_a_word_that_means_something(tmp_path, title, name):
    plan = planned(tmp_path, [f"## {title}", "x = [1]", "## Other", "x.append(2)"])
    assert plan.stages[0].name == name


def test_a_plot_of_sympy_that_is_saved_is_shown_where_the_notebook_shows_it(tmp_path):
    cells = stages(
        "import sympy\nx = sympy.symbols('x')",
        ["p = sympy.plot(x**2, show=False)", "p.save('x.png')", "print(x)"],
        "z = 1\nprint(z)",
    )
    text = of_stage(planned(tmp_path, cells), "part_bx")
    assert "p.save('x.png'))\n    end_of_cell()\n" in text


def test_what_is_said_above_a_heading_belongs_to_the_stage_before(tmp_path):
    said = "# \nSo it is one.\n\n## Two\n\nNow more."
    cells = ["## One", "x = [1]", said, "y = x + [2]\nprint(y)"]
    plan = planned(tmp_path, cells)
    one, two = of_stage(plan, "one"), of_stage(plan, "two")
    assert "    # So it is one.\n" in one
    assert "So it is" not in two
    assert '"""Two.\n\nNow more.\n"""' in two


def test_nothing_is_imported_for_the_local_names_of_a_function(tmp_path):
    cells = [
        "## One",
        "N = 3\ndef g(): return N\nxs = [g()]",
        "## Two",
        "def f(x):\n    N = len(x)\n    return N\nprint(f(xs))",
    ]
    text = of_stage(planned(tmp_path, cells), "two")
    assert "N" not in text.split("def two")[0].replace("None", "")


@pytest.mark.parametrize(("chosen", "then"), [(0, 20), (7, 7), (None, None)])
def test_tables_are_as_wide_as_in_a_notebook_unless_somebody_has_chosen(chosen, then):
    pandas = pytest.importorskip("pandas")
    with pandas.option_context("display.max_columns", chosen):
        tables_as_in_notebooks()
        assert pandas.get_option("display.max_columns") == then


def test_a_wide_table_is_printed_whole_by_notebook_and_stage(tmp_path):
    first = "import pandas as pd\ntable = pd.DataFrame({f'column {n}': [n] for n in range(15)})"
    cells = stages([f"{first}\nprint(table)"], "print(table, table.size)")
    plan = planned(tmp_path, cells)
    run = run_notebook(plan, tmp_path / "run", 60, {})
    assert "..." not in "".join(line for cell in run.values() for line in cell["outputs"])
    assert verify(plan).status == "equal"


def test_stages_of_one_heading_are_called_by_what_differs(tmp_path):
    plan = planned(
        tmp_path,
        [
            *("## Example: choosing features", "x = [1]"),
            *("## Example: choosing a model", "x.append(2)"),
            *("## Twice", "x.append(3)", "## Twice", "x.append(4)"),
        ],
    )
    assert [stage.name for stage in plan.stages] == [
        *("choosing_features", "choosing_a_model", "twice", "twice_2"),
    ]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Bayes's Theorem", "bayes_theorem"),
        ("Let's look", "lets_look"),
        ("Schrödinger’s cat", "schrodingers_cat"),
    ],
)
def test_an_apostrophe_or_an_accent_is_no_end_of_a_word(tmp_path, title, name):
    plan = planned(tmp_path, [f"## {title}", "x = [1]", "## Other", "x.append(2)"])
    assert plan.stages[0].name == name


def test_a_setting_that_a_later_one_overwrites_is_not_repeated(tmp_path):
    plan = planned(
        tmp_path,
        [
            *("## One", "import pandas as pd\nx = [1]\nprint(x)\npd.options.display.max_rows = 8"),
            "pd.options.display.max_rows = 10\npd.options.display.max_columns = 7",
            *("## Two", "print(pd.DataFrame(x))"),
        ],
    )
    text = of_stage(plan, "two")
    assert "pd.options.display.max_rows = 10\n" in text
    assert "pd.options.display.max_columns = 7\n" in text
    assert "max_rows = 8" not in text


def test_a_long_title_is_cut_before_a_word_that_means_nothing(tmp_path):
    title = "Cross-validation for parameter tuning, model selection, feature selection for all, and"
    title += " so on"
    plan = planned(tmp_path, [f"# {title}", "## One", "x = [1]", "## Two", "x.append(2)"])
    first = code_files(plan)["pipeline.py"].split("\n")[0]
    assert first.endswith('for all…"""')
    assert len(first) <= 100


def test_a_table_is_kept_as_a_notebook_shows_it(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setenv("DATALAB_REPORT", str(tmp_path / "report"))
    show(pandas.DataFrame({"a": range(5_000)}))
    show(SimpleNamespace(_repr_png_=lambda: b"\x89PNG"))
    show(SimpleNamespace(_repr_html_=lambda: 1 / 0, a=2))
    table, picture, text = sorted((tmp_path / "report").iterdir())
    assert table.name == "001-output.html"
    assert "5000 rows" in table.read_text()
    assert table.read_text().count("<tr") < 70
    assert (picture.name, picture.read_bytes()) == ("002-output.png", b"\x89PNG")
    assert text.name == "003-output.txt"


def test_stages_with_globals_have_prose_and_room_too(tmp_path):
    cells = [
        *("## One?", "tuple = (1, 2)\nprint(tuple)"),
        *("## Two", "del tuple\nprint(tuple)", "# \nSome *words*.\n\nMore", "x = 3\nprint(x)"),
    ]
    plan = planned(tmp_path, cells)
    assert plan.form == "variables"
    assert "    # Some words.\n    #\n    # More\n" in of_stage(plan, "two").replace(
        "\n#", "\n    #"
    )
    assert "print(tuple)\n\n" in of_stage(plan, "two")
    assert '"""One?"""' in of_stage(plan, "one")


def test_a_cell_that_only_defines_what_draws_ends_no_figure(tmp_path):
    define = "def f(x):\n    plt.plot([x, n])"
    cells = ["import matplotlib.pyplot as plt\nn = 1\nn += 1", define, "f(1)\nn = 3", "f(2)"]
    text = of_stage(planned(tmp_path, stages(cells, "print(n)")), "part_ax")
    assert text.count("end_of_cell()") == 2


def test_an_address_gets_no_full_stop():
    assert sentence("See https://example.org/data") == "See https://example.org/data"
    assert sentence("It is so") == "It is so."


def settings_of_last_stage(folder, *settings):
    """Return what the last stage repeats of the settings that the first one makes."""
    head = "import sys\nimport logging\nimport warnings\nimport pandas as pd\nx = [1]\nx.append(2)"
    first = "\n".join([head, *settings])
    text = of_stage(planned(folder, stages(first, "y = x + x", "z = y + y")), "part_cx")
    return [line.strip() for line in text.splitlines() if line.strip() in settings]


def test_a_setting_that_is_said_again_is_repeated_once(tmp_path):
    one, other = "pd.set_option('display.width', 80)", "pd.set_option('display.width', 90)"
    assert settings_of_last_stage(tmp_path, one, one) == [one]
    assert settings_of_last_stage(tmp_path, one, other, one) == [other, one]
    rows = "pd.options.display.max_rows = 7"
    assert settings_of_last_stage(tmp_path, rows, one, "pd.options.display.max_rows = 9") == [
        one,
        "pd.options.display.max_rows = 9",
    ]


def test_a_setting_where_the_first_or_every_time_counts_is_repeated_each_time(tmp_path):
    for setting in (
        "sys.path.append('lib')",
        "logging.basicConfig(level=10)",
        "warnings.filterwarnings('ignore', append=True)",
    ):
        assert settings_of_last_stage(tmp_path, setting, setting) == [setting, setting]


def test_a_stage_that_pytest_would_take_for_a_test_has_another_name(tmp_path):
    cells = ["## Load", "x = [1]", "## Test/train split", "y = x + x", "## Testing", "z = y + y"]
    names = [one.name for one in planned(tmp_path, cells).stages]
    assert names == ["load", "make_test_train_split", "testing"]


def test_a_figure_that_cannot_be_drawn_ends_neither_notebook_nor_stage(tmp_path):
    pytest.importorskip("matplotlib")
    cells = stages(
        "import matplotlib.pyplot as plt\nx = [1, 2]",
        ["plt.plot(x)\nplt.title('$\\\\frac{$')", "print('and on')"],
    )
    found = verify(planned(tmp_path, cells))
    assert (found.status, len(found.plan.stages)) == ("equal", 2)


def test_what_kaggle_writes_into_a_new_notebook_is_left_out():
    text = (
        "# This Python 3 environment comes with many helpful analytics libraries installed\n"
        "x = 1  # mine\n"
        '# Input data files are available in the read-only "../input/" directory\n'
        "# Input data files are those of 2016\n"
        'y = """\n# Any results you write to the current directory are saved as output.\n"""'
    )
    kept = text.split("\n")
    assert tidied(text).split("\n") == [kept[1], *kept[3:]]


def test_prose_has_no_markup_of_html():
    assert paragraphs(
        ["See <b>it</b>: https://example.org<br>\nMore &amp; more<br><br> x < 2 > 1"]
    ) == ["See it: https://example.org More & more x < 2 > 1"]


def test_a_type_is_imported_as_the_notebook_imports_its_module(tmp_path):
    cells = stages(
        "from sklearn import tree\nmodel = tree.DecisionTreeClassifier()",
        "model.fit([[1], [2]], [0, 1])",
        "score = model.score([[1]], [0])",
    )
    text = "\n".join(code_files(planned(tmp_path, cells)).values())
    assert "tree.DecisionTreeClassifier" in text
    assert "import sklearn.tree" not in text


def test_a_title_in_bold_type_is_said_once(tmp_path):
    cells = ["**Sales**", "# Setup", "x = sum([1])", "# Use", "print(x)"]
    plan = planned(tmp_path, cells)
    assert (plan.title, plan.name) == ("Sales", "sales")
    assert "Sales" not in code_files(plan)["stages/setup.py"]
