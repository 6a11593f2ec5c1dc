"""Titles in Markdown as people write them, and the names that become of them."""

import pytest
from datalab_pipelines.export.cells.headings import BOLD, headings
from datalab_pipelines.export.plans.names import slug
from exporting import planned


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("# Data #", [(1, "Data")]),
        ("#Data\n##clean it", [(1, "Data"), (2, "clean it")]),
        ("## Use `predict_proba` _now_", [(2, "Use predict_proba now")]),
        ("#kaggle is a hashtag", []),
        ("# -- Code examples", [(1, "Code examples")]),
        ("# The scaler $\\frac{x - \\mu}{\\sigma}$", [(1, "The scaler")]),
        ("# Tune $\\alpha$ and $x_i$", [(1, "Tune alpha and x_i")]),
        ("# From $5 to $10", [(1, "From $5 to $10")]),
        ("# $E = mc^2$", [(1, "$E = mc^2$")]),
        ("## x - y —", [(2, "x - y —")]),
        ("Data\n====\n\nClean\n----", [(1, "Data"), (2, "Clean")]),
        ("# <font color='red'>Data</font>", [(1, "Data")]),
        ("<a id='one'></a>\n# <a href='#top'>1. Data</a>", [(1, "1. Data")]),
        ("<h2 style='color: red'>Data</h2>", [(2, "Data")]),
        ("<center><h1>The <b>data</b></h1></center>", [(1, "The data")]),
        (
            "<div>\n<h1 align='center'>\n  Churn of\n  customers\n</h1>\n</div>\n## Next",
            [(1, "Churn of customers"), (2, "Next")],
        ),
        ("**Missing values:**", [(BOLD, "Missing values:")]),
        ("Text.\n\n**Missing values**:\n\nMore text.", [(BOLD, "Missing values")]),
        ("**Note** that some are missing", []),
        ("a paragraph\n**with a bold line**\nin it", []),
        ("**Fork this notebook.**", []),
        ("**one** and **two**", []),
        ("**" + "so long that it is a sentence " * 3 + "**", []),
        ("```\n# no heading\n**nor this**\n```\n## Data", [(2, "Data")]),
        ("📊 Données\n---", [(2, "📊 Données")]),
        ("|a|b|\n|---|---|", []),
    ],
)
def test_headings_are_found_as_people_write_them(source, found):
    assert headings(source) == found


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("2.1 Train the model", "train_the_model"),
        ("IV. Train", "train"),
        ("B) Train", "train"),
        ("Step 3: train", "train"),
        ("Part 2 - Train", "train"),
        ("📊 Step 3: train", "train"),
        ("Over- vs. underfitting", "over_vs_underfitting"),
        ("Part of the data", "part_of_the_data"),
        ("Exercise 4", "exercise_4"),
        ("X-ray images", "ray_images"),
        ("Let's explore", "lets_explore"),
        ("📊 Exploração de dados", "exploracao_de_dados"),
        ("Größe & Weiß", "grosse_weiss"),
        ("Загрузка данных", "zagruzka_dannykh"),
        ("数据", ""),
        ("tell me the # of people who has left", "tell_people_left"),
        ("Predict salary by the other features", "predict_salary_other_features"),
        ("3d plots", "part_3d_plots"),
        ("Simulate MA(2) process and make forecasts", "simulate_ma_2_process"),
        ("Preparation of the data — Feature engineering", "preparation_data"),
        ("Evaluate signals against forward returns", "evaluate_signals"),
        ("Train and evaluate the model on new data", "train_evaluate_model_new_data"),
    ],
)
def test_names_are_short_and_say_what_the_title_says(title, name):
    assert slug(title, "_") == name


def test_bold_lines_are_headings_where_there_are_no_others(tmp_path):
    bold = ["x = [1]", "**Train the model**", "y = x + x", "**Look at it**", "z = y + y"]
    assert [one.name for one in planned(tmp_path, bold).stages][1:] == [
        "train_the_model",
        "look_at_it",
    ]


def test_bold_lines_are_none_beside_headings(tmp_path):
    both = ["## One", "x = [1]", "**Train**", "y = x + x", "## Two", "z = y + y"]
    assert [one.name for one in planned(tmp_path, both).stages] == ["one", "two"]


def test_what_comes_before_the_first_heading_is_called_after_what_it_does(tmp_path):
    load = "import pandas as pd\ndf = pd.read_csv('a.csv')"
    cells = [load, "## Train", "y = df.sum()", "## Look", "z = y + y"]
    assert [one.name for one in planned(tmp_path, cells).stages] == ["load_data", "train", "look"]
    cells[0] = "df = [1].copy()"
    assert [one.name for one in planned(tmp_path, cells).stages] == ["nb", "train", "look"]


def test_a_title_and_a_last_word_are_not_the_stages_of_a_long_notebook(tmp_path):
    parts = ["## Load", *["x = [1]"] * 8, "## Train", *["y = x + x"] * 8, "## Look", "z = y + y"]
    cells = ["# My notebook", *parts, "# The end", "print(z)"]
    assert [one.name for one in planned(tmp_path, cells).stages] == [
        "load",
        "train",
        "look",
        "the_end",
    ]
    short = [
        "# My notebook",
        "## Load",
        "x = [1]",
        "## Train",
        "y = x + x",
        "# The end",
        "print(y)",
    ]
    assert [one.name for one in planned(tmp_path, short).stages] == ["my_notebook", "the_end"]


def test_no_stage_is_called_table_of_contents(tmp_path):
    cells = ["# Churn", "## Table of Contents:", "x = [1]", "## Train", "y = x + x"]
    assert [one.name for one in planned(tmp_path, cells).stages] == ["churn", "train"]


def test_headings_of_another_level_are_taken_where_those_chosen_cannot_be_apart(tmp_path):
    uses = "print(p.get())"
    cells = [
        "# One",
        "k = [1]\nclass P:\n    def get(self):\n        return k\np = P()\nprint(p.get())",
        *([uses] * 3),
        "# Two",
        *([uses] * 4),
        "## Last",
        "k.append(2)\nprint(k)",
    ]
    plan = planned(tmp_path, cells)
    assert [one.cells for one in plan.stages] == [[1, 2, 3, 4, 6, 7, 8, 9], [11]]
    assert plan.stages[1].title == "Last"


def test_headings_without_code_are_why_there_is_one_stage(tmp_path):
    cells = ["# One", "x = [1]\nprint(x)", "# Two", "# Three"]
    plan = planned(tmp_path, cells)
    assert len(plan.stages) == 1
    assert [one.code for one in plan.warnings] == ["sections"]
    assert "below only one of its headings" in plan.warnings[0].message
    apart = planned(tmp_path, [*cells[:3], "x.append(2)\nprint(x)"])
    assert not apart.warnings
