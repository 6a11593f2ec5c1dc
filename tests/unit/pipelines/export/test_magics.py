"""What IPython adds to the language becomes Python, or makes the cell opaque."""

import ast

import pytest
from datalab_pipelines.export.cells.magics import translate
from datalab_pipelines.export.code.rendering import code_files
from datalab_pipelines.export.model import Cell
from exporting import compare, stages


def python(source):
    cell = translate(Cell(0, "code", source), [])
    assert not cell.opaque, cell.opaque
    return ast.unparse(ast.parse(cell.code))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("%autosave 60", "pass"),
        ("%%time\nx = 1", "x = 1"),
        ("%time x = 1", "x = 1"),
        ("%%timeit\nx = 1", ""),
        ("files = !ls data", "files = shell_lines('ls data')"),
        ("!wget {url}", "shell(f'wget {url}')"),
        ("!pip install pandas", "pass"),
        ("x?", "pass"),
        ("%env A=b", "import os\nos.environ['A'] = 'b'"),
        ("if x:\n    %matplotlib inline\n    y = 1", "if x:\n    pass\n    y = 1"),
    ],
)
def test_a_magic_becomes_what_it_does(source, expected):
    assert python(source) == expected


def test_pylab_is_what_it_imports_and_its_stars_are_named(tmp_path):
    plan, different = compare(
        stages("%pylab inline\nxs = linspace(0, 1, 3)", "total = sum(xs)\nplot(xs)\nplt.title('x')")
    )
    assert not different
    text = "\n".join(code_files(plan).values())
    assert "from numpy import linspace" in text
    assert "from numpy import sum" in text
    assert "*" not in text.replace("**", "")
    assert "pylab import plt" not in text


def test_pylab_without_its_stars_is_the_imports_alone():
    assert "*" not in python("%pylab inline --no-import-all")
    assert "import numpy as np" in python("%pylab --no-import-all")


@pytest.mark.parametrize(
    "source",
    [
        *("%%cython\nx", "if x:\n    %pylab", "%unheard_of", "await f()"),
        *("r = %timeit -o 1", "r = %matplotlib", "r = %cd data", "r = %env A=b"),  # used as values
    ],
)
def test_what_only_ipython_knows_is_opaque(source):
    assert translate(Cell(0, "code", source), []).opaque


def test_installed_packages_are_requirements():
    assert translate(Cell(0, "code", "!pip install -q a b==2"), []).installs == ["a", "b==2"]
