"""What ``%run`` does that is not the same in a cell stays with IPython, and files are found."""

import pytest
from datalab_pipelines import export
from datalab_pipelines.export.code.data_files import data_files
from datalab_pipelines.export.proof.running import does_not_run
from exporting import with_files

ONLY_IPYTHON = {
    "a variable of the script's own is another one later": (
        {"fit.py": "k = 1\ndef f():\n    return k\n"},
        ("z = 1", "%run fit.py", "k = 5\na = f()"),
        "k is a variable of its own",
    ),
    "a variable is set by a function of the notebook": (
        {"fit.py": "k = 1\ndef f():\n    return k\n"},
        ("def g():\n    global k\n    k = 3", "%run fit.py", "g()\na = f()"),
        "k is a variable of its own",
    ),
    "a variable is deleted later": (
        {"fit.py": "k = 1\ndef f():\n    return k\n"},
        ("z = 1", "%run fit.py\ndel k", "a = f()"),
        "k is a variable of its own",
    ),
    "a builtin that the notebook replaces": (
        {"fit.py": "a = sum([1, 2])\n"},
        ("def sum(x):\n    return 0", "%run fit.py", "b = a"),
        "sum is a variable of its own",
    ),
    "the same name is imported from elsewhere": (
        {"fit.py": "from math import sqrt\ndef f(x):\n    return sqrt(x)\n"},
        ("z = 1", "%run fit.py", "from cmath import sqrt\na = f(4)"),
        "sqrt is a variable of its own",
    ),
    "a second script has a variable of that name": (
        {"fit.py": "k = 1\ndef f():\n    return k\n", "two.py": "k = 2"},
        ("z = 1", "%run fit.py", "%run two.py\na = f()"),
        "k is a variable of its own",
    ),
    "a variable that is deleted in the script only": (
        {"fit.py": "k = 2\ndel k"},
        ("k = 1", "%run fit.py", "a = k"),
        "k is a variable of its own",
    ),
    "a function that sets a variable of the script": (
        {"fit.py": "n = 0\ndef f():\n    global n\n    n += 1\n"},
        ("z = 1", "%run fit.py", "f()\na = n"),
        "a function sets n",
    ),
    "the script does not see the notebook's variables": (
        {"fit.py": "try:\n    b = a\nexcept NameError:\n    b = 0\n"},
        ("a = 1", "%run fit.py", "c = b"),
        "it reads a",
    ),
    "a variable that is set only sometimes": (
        {"fit.py": "for i in []:\n    k = 1\ntry:\n    a = k\nexcept NameError:\n    a = 0\n"},
        ("k = 7", "%run fit.py", "b = a"),
        "k is a variable of its own",
    ),
    "where the script lies": ({"fit.py": "a = __file__"}, ("z = 1", "%run fit.py"), "__file__"),
    "all variables": ({"fit.py": "a = sorted(globals())"}, ("z = 1", "%run fit.py"), "globals"),
    "an end": ({"fit.py": "import sys\na = 1\nsys.exit()"}, ("z = 1", "%run fit.py"), "end itself"),
    "a parser": ({"fit.py": "import argparse"}, ("z = 1", "%run fit.py"), "command line"),
    "a function that looks at its arguments": (
        {"fit.py": "import sys\ndef f():\n    return sys.argv[1]\n"},
        ("z = 1", "%run fit.py 3"),
        "command line",
    ),
    "an argument that is missing": (
        {"fit.py": "import sys\na = sys.argv[1]\n"},
        ("z = 1", "%run fit.py"),
        "command line",
    ),
    "annotations that are not read": (
        {"fit.py": "from __future__ import annotations\ndef f(x: y):\n    return x\n"},
        ("z = 1", "%run fit.py"),
        "how Python reads",
    ),
    "a star": ({"fit.py": "from math import *"}, ("z = 1", "%run fit.py"), "not known here"),
    "a module beside the script": (
        {"src/fit.py": "import own", "src/own.py": "x = 1"},
        ("z = 1", "%run src/fit.py"),
        "own lies",
    ),
    "another folder": (
        {"fit.py": "a = 1", "data/x": ""},
        ("import os\nos.chdir('data')", "%run ../fit.py"),
        "goes to",
    ),
    "another folder, without a percent sign": (
        {"fit.py": "a = 1", "data/x": ""},
        ("cd data", "%run ../fit.py"),
        "goes to",
    ),
    "a profile": ({"fit.py": "a = 1"}, ("z = 1", "%run -p fit.py"), "-p"),
    "an argument that IPython fills in": (
        {"fit.py": "a = 1"},
        ("z = 1", "%run fit.py $z"),
        "in the place of",
    ),
    "a file that a command may change": (
        {"fit.py": "a = 1"},
        ("!echo b = 2 >> fit.py", "%run fit.py"),
        "cell 2 may change it",
    ),
    "a notebook that reads what was shown": (
        {"other.ipynb": ["a = _"]},
        ("5", "%run other.ipynb"),
        "cell 1 of other.ipynb",
    ),
    "a notebook that only IPython understands": (
        {"other.ipynb": ["a = 1", "%%sql\nselect 1"]},
        ("5", "%run other.ipynb"),
        "cell 2 of other",
    ),
    "a notebook that runs itself": (
        {"other.ipynb": ["%run other.ipynb"]},
        ("5", "%run other.ipynb"),
        "runs itself",
    ),
    "a file to load that is not there": ({}, ("z = 1", "%load fit.py"), "%load is a magic"),
    "lines of a file": ({"fit.py": "a = 1"}, ("z = 1", "%load -r 1 fit.py"), "%load is a magic"),
    "only sometimes": ({"fit.py": "a = 1"}, ("z = 1", "if z:\n    %run fit.py"), "%run"),
}


@pytest.mark.parametrize(("files", "groups", "why"), ONLY_IPYTHON.values(), ids=ONLY_IPYTHON)
def test_what_would_not_be_the_same_stays_with_ipython(tmp_path, files, groups, why):
    found = export.analyse(with_files(tmp_path, files, groups))
    assert why in found.whole
    plan = export.plan(found)
    assert len(plan.stages) == 1
    assert set(data_files(plan)) >= {one for one in files if one.endswith(("fit.py", "r.ipynb"))}


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(export.ExportError, match=r"cell 4: %run fit\.py: there is no such file"):
        export.analyse(with_files(tmp_path, {}, ("a = 1", "%run fit.py")))


def test_a_file_that_is_no_python_is_refused_with_its_line(tmp_path):
    files = {"fit.py": "a = 1\nprint 'x'\n"}
    with pytest.raises(export.ExportError, match=r"cell 4: %run fit\.py: .*line 2"):
        export.analyse(with_files(tmp_path, files, ("a = 1", "%run fit.py")))
    files = {"other.ipynb": ["a = 1", "b = = 2"]}
    with pytest.raises(export.ExportError, match=r"cell 4: cell 2 of other\.ipynb: not valid"):
        export.analyse(with_files(tmp_path, files, ("a = 1", "%run other.ipynb")))


def test_the_files_that_are_run_are_part_of_the_project(tmp_path):
    files = {"other.ipynb": ["%run src/fit.py"], "src/fit.py": "a = open('a.csv')", "a.csv": ""}
    plan = export.plan(export.analyse(with_files(tmp_path, files, ("z = 1", "%run other.ipynb"))))
    assert data_files(plan) == sorted(files)


def test_a_notebook_that_is_one_stage_for_another_reason_finds_them_too(tmp_path):
    files = {"other.ipynb": ["a = 1"]}
    plan = export.plan(
        export.analyse(with_files(tmp_path, files, ("%%sql\nx", "%run other.ipynb")))
    )
    assert plan.whole
    assert data_files(plan) == ["other.ipynb"]


def test_what_fails_in_a_file_names_the_file_and_no_line_of_the_cell():
    trace = '  File "cell 2", line 54, in <module>\nKeyError: 3'
    assert "cell 2, line 54: " in str(does_not_run(trace))
    said = str(does_not_run(trace, {1: ["Code.ipynb"]}))
    assert said.startswith("cell 2: ")
    assert "KeyError: 3 (the cell runs Code.ipynb)" in said
