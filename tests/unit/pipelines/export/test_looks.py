"""Code that a reviewer likes: no trace of what was taken out, no noise."""

from types import SimpleNamespace

import pytest
from datalab_pipelines.export.code.pieces import tidied
from datalab_pipelines.export.code.prose import paragraphs, sentence
from datalab_pipelines.export.code.rendering import code_files
from datalab_pipelines.export.proof.verifying import verify
from datalab_pipelines.outputs import note_value, recording
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
