"""What IPython adds to the language becomes Python, or makes the cell opaque."""

import ast

import pytest
from datalab_pipelines.export import ExportError
from datalab_pipelines.export.cells.magics import translate
from datalab_pipelines.export.code.rendering import code_files
from datalab_pipelines.export.model import Cell
from exporting import compare, planned, stages


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
        ("%cd data", "import os\nos.chdir('data')"),
        ("%cd", "import os\nos.chdir(os.path.expanduser('~'))"),
        ("%env A=b", "import os\nos.environ['A'] = 'b'"),
        ("if x:\n    %matplotlib inline\n    y = 1", "if x:\n    pass\n    y = 1"),
        ("get_ipython().magic('time x = 1')", "x = 1"),
        ("there = 'colab' in str(x) in y", "there = 'colab' in str(x) in y"),
        ("get_ipython().magic('matplotlib inline')", "pass"),
        ("there = 'google.colab' in str(get_ipython())", "there = False"),
        ("if 'colab' not in str(get_ipython()):\n    x = 1", "if True:\n    x = 1"),
        (
            "if 'autoreload' not in get_ipython().extension_manager.loaded:\n"
            "    %load_ext autoreload\n%autoreload 2",
            "pass\npass",
        ),
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
    assert "IPython" not in text


def test_pylab_brings_the_function_that_sets_the_size_of_figures():
    plan, different = compare(
        stages("%pylab inline\nfigsize(8, 4)\nxs = [1, 2]", "size = rcParams['figure.figsize'][0]")
    )
    assert not different
    assert "from IPython.core.pylabtools import figsize" in "".join(code_files(plan).values())


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


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("pwd", "pass"),
        ("ls data\n", "shell('ls data')"),
        ("cd ../data", "import os\nos.chdir('../data')"),
        ("pip install pandas", "pass"),
        ("matplotlib inline", "pass"),
        ("ls = 3", "ls = 3"),
        ("ls == 3", "ls == 3"),
        ("x\nls", "x\nls"),  # in a cell of several lines IPython reads Python
        ("nothing_known", "nothing_known"),
        ("print", "print"),
        ("time.time()", "time.time()"),
    ],
)
def test_a_magic_needs_no_percent_sign_in_a_cell_of_one_line(source, expected):
    assert python(source) == expected


@pytest.mark.parametrize("bound", [{"ls"}, {"*"}])
def test_a_variable_is_no_magic(bound):
    assert translate(Cell(0, "code", "ls"), [], bound=bound).code.strip() == "ls"


@pytest.mark.parametrize(
    "above",
    [*("ls = [1]", "def ls(): 1", "import os as ls", "for ls in [1]: pass"), "from shop import *"],
)
def test_names_of_cells_above_are_variables(tmp_path, above):
    (tmp_path / "shop.py").write_text("ls = 1")
    analysis = planned(tmp_path, [above, "x = 1", "ls"]).analysis
    assert "shell" not in analysis.code[-1].code


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("%%writefile a.txt\none\ntwo", '    _file.write("""\\\none\ntwo\n""")'),
        ("%%writefile a.txt\none\n\\d\n", '    _file.write(r"""one\n\\d\n""")'),
        ("%%writefile a.txt\none", "    _file.write('one\\n')"),
        ('%%writefile a.py\n"""doc"""\nx\n', "    _file.write('''\\\n\"\"\"doc\"\"\"\nx\n''')"),
        ("%%writefile {name}.txt\none", 'with open(f"""{name}.txt""", \'w\') as _file:'),
    ],
)
def test_a_file_is_written_on_lines_of_its_own(source, line):
    assert line in translate(Cell(0, "code", source), []).code


@pytest.mark.parametrize(
    "body", ["one\ntwo", "\\d\n\\", "a\tb\nc\n", "\"\"\"'''\n\n", "ü\nü\n", "x\\\ny\n", '\n"a"\n']
)
def test_what_is_written_is_the_cell_and_a_line_s_end(tmp_path, monkeypatch, body):
    monkeypatch.chdir(tmp_path)
    exec(translate(Cell(0, "code", f"%%writefile a.txt\n{body}"), []).code, {})
    assert (tmp_path / "a.txt").read_text() == body.removesuffix("\n") + "\n"


OWN_MAGIC = (
    "from IPython.core.magic import register_cell_magic\nn = 1\n\n"
    "@register_cell_magic\ndef twice(line, cell):\n    get_ipython().run_cell(cell)\n"
)


def test_a_magic_of_the_notebook_that_no_cell_uses_is_left_out():
    plan, different = compare(stages(OWN_MAGIC, "n += 1\nprint('twice', n)"))
    assert not different
    assert len(plan.stages) == 2
    assert any("the magic twice, which no cell uses" in one.message for one in plan.warnings)


@pytest.mark.parametrize(
    "use", ["%%twice\nprint(n)", "print(twice)", "if n:\n    %twice n", "twice n", "f = [twice]"]
)
def test_a_magic_that_a_cell_uses_stays(use, tmp_path):
    try:
        assert planned(tmp_path, stages(OWN_MAGIC, use)).whole
    except ExportError as error:
        assert "not valid Python" in str(error)


def test_a_variable_that_holds_the_shell_is_no_variable(tmp_path):
    template = "from IPython import get_ipython\nipython = get_ipython()  # the shell\n"
    template += "if 'autoreload' not in ipython.extension_manager.loaded:\n"
    template += "    %load_ext autoreload\n%autoreload 2\nx = sum([1])"
    used = "ipython.run_line_magic('matplotlib', 'inline')\ny = x + 1\nprint('see ipython.org', y)"
    plan, different = compare(stages(template, used))
    assert not different
    assert len(plan.stages) == 2
    text = "".join(code_files(plan).values())
    assert "'see ipython.org'" in text
    assert "ipython" not in text.replace("ipython.org", "").lower()


@pytest.mark.parametrize(
    "use",
    [
        "print(ipython)",
        "ipython = 5\nprint(ipython)",
        "y = f'{ipython}'",
        "ipython.user_ns['x']",
        "print(x.ipython, ipython)",
    ],
)
def test_a_shell_that_is_used_for_more_stays_ipythons(tmp_path, use):
    plan = planned(tmp_path, stages("ipython = get_ipython()\nx = 1", use))
    assert "get_ipython()" in plan.whole
