"""``%run``: the code of a file in the place of the line, compared with what IPython itself does."""

import pytest
from as_ipython import as_cells, in_ipython
from datalab_pipelines import export
from exporting import verified, with_files


def code(*lines):
    return "\n".join(lines)


STANDS = {
    "a notebook sees the notebook's variables": (
        {"other.ipynb": ["b = a + 1", "c = [b]"]},
        ("a = 1", "%run other.ipynb", "d = c + [a]"),
    ),
    "a notebook's functions see what is set after it": (
        {"other.ipynb": ["year = 1\ndef get():\n    return year"]},
        ("%run other.ipynb\nyear = 2", "a = get()"),
    ),
    "a notebook that replaces a variable": (
        {"other.ipynb": ["a = [2]"]},
        ("a = [1]\nb = a", "%run other.ipynb", "a.append(3)"),
    ),
    "a notebook prints, and shows no value": (
        {"other.ipynb": ["print('x')\n5", "6"]},
        ("a = 1", "%run other.ipynb", "b = a"),
    ),
    "a notebook's magics": (
        {"other.ipynb": ["%%capture out\nprint(1)", "%load_ext autoreload\na = !echo x"]},
        ("z = 1", "%run other.ipynb", "b = list(a)"),
    ),
    "a notebook that runs another": (
        {"other.ipynb": ["%run third.ipynb", "b = a + 1"], "third.ipynb": ["a = 4"]},
        ("z = 1", "%run other.ipynb", "c = a + b"),
    ),
    "a script": (
        {
            "fit.py": code(
                "'''Says what it does.'''",
                "import math",
                "def f(x):",
                "    return math.sqrt(x) + K",
                "K = 2",
            )
        },
        ("z = 1", "%run fit.py\nb = [f(9)]", "a = [f(4)]"),
    ),
    "without a percent sign": ({"fit.py": "a = [1]"}, ("z = 1", "run fit.py", "b = a")),
    "without its ending": ({"fit.py": "a = [1]"}, ("z = 1", "%run fit", "b = a")),
    "a script with a main guard": (
        {
            "fit.py": code(
                "def main():",
                "    return 7",
                "",
                "if __name__ == '__main__':",
                "    a = main()",
                "    b = [a]",
            )
        },
        ("z = 1", "%run fit.py", "c = a + len(b)"),
    ),
    "a main guard on one line": (
        {"fit.py": "a = 1\nif '__main__' == __name__: a = 2"},
        ("z = 1", "%run fit.py", "b = a"),
    ),
    "a text of several lines behind a main guard": (
        {
            "fit.py": code(
                "if __name__ == '__main__':",
                "    # what",
                "    a = '''x",
                "      y",
                "'''",
                "    b = [1]",
            )
        },
        ("z = 1", "%run fit.py", "c = a + str(b)"),
    ),
    "not as the main module": (
        {"fit.py": "a = [1]\nb = __name__\nif __name__ == '__main__':\n    a = 2\n"},
        ("z = 1", "%run -n fit.py", "c = a, b"),
    ),
    "arguments": (
        {
            "fit.py": code(
                "import sys",
                "a = int(sys.argv[1]) if sys.argv[1] else 1",
                "b = sys.argv[2:]",
                "c = len(sys.argv)",
                "d = sys.argv[0]",
            )
        },
        ("z = 1", "%run fit.py 3 'x y' z", "e = [a, *b]"),
    ),
    "a script in the notebook's variables": (
        {"fit.py": "b = a + 1\ndef f():\n    global b\n    b += 1\n"},
        ("a = 1", "%run -i fit.py", "f()\nc = b"),
    ),
    "a script that changes an object": (
        {"fit.py": "store = {}\ndef put(k):\n    store[k] = len(store)\n    return store\n"},
        ("z = 1", "%run fit.py\nb = put('a')", "put('b')\nc = dict(store)"),
    ),
    "a script and the notebook import the same": (
        {
            "fit.py": code(
                "import math",
                "from os import path as p",
                "def f():",
                "    return math.floor(2.5), p.join('a')",
            )
        },
        ("import math\nfrom os import path as p\na = math.ceil(0.5)", "%run fit.py", "b = f()"),
    ),
    "a name that the notebook had before": (
        {"fit.py": "k = 5\ndef f():\n    return k\n"},
        ("k = 1\na = k", "%run fit.py", "b = f() + k"),
    ),
    "a name that is only the script's for a while": (
        {"fit.py": "k = 5\na = k + 1\n"},
        ("z = 1", "%run fit.py\nb = k", "k = 9\nc = a + k"),
    ),
    "a script that a cell writes": (
        {},
        ("%%writefile fit.py\na = 3\n", "%run fit.py", "b = a"),
    ),
    "a script in a folder": (
        {"src/fit.py": "import json, sys\na = [json.dumps(1), sys.argv[0]]"},
        ("z = 1", "%run src/fit.py", "b = a"),
    ),
    "a script that reads a file beside the notebook": (
        {"fit.py": "a = open('data.txt').read()", "data.txt": "hello"},
        ("z = 1", "%run fit.py", "b = a"),
    ),
    "a script that deletes what it needed": (
        {"fit.py": "tmp = 4\na = tmp + 1\ndel tmp"},
        ("z = 1", "%run fit.py", "b = a"),
    ),
    "a notebook that deletes": (
        {"other.ipynb": ["del a", "b = 1"]},
        ("a = 1\nz = a", "%run other.ipynb", "c = 'a' in dir() or b"),
    ),
    "twice": (
        {"other.ipynb": ["n = n + 1"]},
        ("n = 0", "%run other.ipynb", "%run other.ipynb\nm = n"),
    ),
    "a file that is only loaded": (
        {"fit.py": "a = 2\n"},
        ("a = [1]", "%load fit.py", "b = a + a"),
    ),
    "draws": (
        {"fit.py": "import random\nrandom.seed(3)\nd = [random.random() for _ in range(2)]"},
        ("z = 1", "%run fit.py", "e = random.random()"),
    ),
}


@pytest.mark.parametrize(("files", "groups"), STANDS.values(), ids=STANDS)
def test_it_is_what_ipython_does(tmp_path, files, groups):
    found = export.analyse(with_files(tmp_path, files, groups))
    assert as_cells(found, tmp_path / "cells", files) == in_ipython(tmp_path, groups)


ONE_STAGE = {"a notebook that deletes"}  # it asks for dir()
NEEDS_FILES = {"a script that reads a file beside the notebook"}
SPLIT = {name: one for name, one in STANDS.items() if name not in ONE_STAGE | NEEDS_FILES}


@pytest.mark.parametrize(("files", "groups"), SPLIT.values(), ids=SPLIT)
def test_the_stages_do_what_the_cells_do(tmp_path, files, groups):
    plan = export.plan(export.analyse(with_files(tmp_path, files, groups)))
    found = verified(plan, tmp_path / "scratch")
    assert not found.different
    assert not found.shown_differently
    assert len(plan.stages) > 1, plan.warnings


def test_a_file_that_has_changed_is_read_again(tmp_path):
    read = with_files(tmp_path, {"fit.py": "a = [1]\n"}, ("z = 1", "%run fit.py", "b = a"))
    found = export.analyse(read)
    assert "# From fit.py:\na = [1]" in found.code[1].code
    assert any("the code of fit.py is part of the pipeline" in w.message for w in found.warnings)
    (tmp_path / "fit.py").write_text("import json\n\na = json.loads('[2]')\n")
    assert "# From fit.py:\na = json.loads('[2]')" in export.analyse(read).code[1].code
