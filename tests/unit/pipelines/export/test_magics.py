"""What IPython adds to the language becomes Python, or makes the cell opaque."""

import ast

import pytest
from datalab_pipelines.export.cells.magics import translate
from datalab_pipelines.export.model import Cell


def python(source):
    cell = translate(Cell(0, "code", source), [])
    assert not cell.opaque, cell.opaque
    return ast.unparse(ast.parse(cell.code))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
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


@pytest.mark.parametrize(
    "source",
    [
        *("%%cython\nx", "%pylab inline", "%unheard_of", "await f()"),
        *("r = %timeit -o 1", "r = %matplotlib", "r = %cd data", "r = %env A=b"),  # used as values
    ],
)
def test_what_only_ipython_knows_is_opaque(source):
    assert translate(Cell(0, "code", source), []).opaque


def test_installed_packages_are_requirements():
    assert translate(Cell(0, "code", "!pip install -q a b==2"), []).installs == ["a", "b==2"]
