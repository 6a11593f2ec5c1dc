"""Files that one stage writes and another reads: on AWS each has a disk of its own, and here."""

import ast

import pytest
from datalab_pipelines.export.facts.shells import read_by
from exporting import compare, planned, stages

FRAME = "import pandas as pd\nframe = pd.DataFrame({'a': [1]})\n"

TRAPS = {
    "a path in a constant": (
        FRAME + "OUT = 'res.csv'\nframe.to_csv(OUT, index=False)",
        "n = [1]",
        "print(pd.read_csv(OUT), n)",
    ),
    "functions that write and read": (
        FRAME + "def save(df, name):\n    df.to_csv(name, index=False)\n"
        "def load(name):\n    return pd.read_csv(name)",
        "save(frame, 'q.csv')",
        "print(load('q.csv'))",
    ),
    "a pattern": (
        "for i in range(2):\n    open(f'part{i}.tmpx', 'w').write('a')",
        "n = [1]",
        "import glob\nprint(sorted(glob.glob('*.tmpx')), n)",
    ),
    "what is in a folder": (
        "with open('lst.abc', 'w') as file:\n    _ = file.write('x')",
        "n = [1]",
        "import os\nprint([one for one in os.listdir() if one.endswith('.abc')], n)",
    ),
    "paths in a list": (
        "from pathlib import Path\nPath('zz').mkdir(exist_ok=True)\n"
        "for i in range(2):\n    (Path('zz') / f'{i}.t').write_text(str(i))",
        "files = sorted(Path('zz').iterdir())",
        "print([one.read_text() for one in files])",
    ),
    "a database in a file": (
        "import sqlite3\ncon = sqlite3.connect('x.db')\n_ = con.execute('create table t (x)')\n"
        "con.commit()\ncon.close()",
        "con = sqlite3.connect('x.db')\n_ = con.execute('insert into t values (1)')\n"
        "con.commit()\ncon.close()",
        "con = sqlite3.connect('x.db')\nprint(con.execute('select * from t').fetchall())",
    ),
    "a file that gets another name": (
        "import os\nwith open('o1.txt', 'w') as file:\n    _ = file.write('q')",
        "os.replace('o1.txt', 'o2.txt')",
        "print(open('o2.txt').read())",
    ),
    "a folder that is made and gone into": (
        "!mkdir -p inner",
        "%cd inner",
        "import os\nprint(os.path.basename(os.getcwd()))",
    ),
    "a file that a shell looks at": (
        "with open('seen.txt', 'w') as file:\n    _ = file.write('q')",
        "xs = !cat seen.txt\nprint(xs)",
        "ys = !ls | grep seen\nprint(ys, xs)",
    ),
    "a file that a shell finds by a pattern": (
        "with open('far.txt', 'w') as file:\n    _ = file.write('q')",
        "xs = !echo f*.txt\nprint(xs)",
        "print(xs)",
    ),
    "a file that a shell writes": (
        "!echo q | sort -o written.txt",
        "print(open('written.txt').read())",
        "!echo more >> written.txt",
        "print(open('written.txt').read())",
    ),
    "a module that a cell writes": (
        "%%writefile helper_of_a_trap.py\ndef f():\n    return 7",
        "import helper_of_a_trap\na = helper_of_a_trap.f()",
        "print(a)",
    ),
}


@pytest.mark.parametrize("groups", TRAPS.values(), ids=TRAPS)
def test_the_pipeline_gives_what_the_notebook_gives(groups):
    plan, different = compare(stages(*groups))
    assert not different, [(stage.name, stage.cells) for stage in plan.stages]


def test_figures_that_are_written_hold_nothing_together(tmp_path):
    (tmp_path / "in.csv").write_text("a\n1\n")
    cells = stages(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('fig.png')",
        "import pandas as pd\nnames = ['in.csv']\nframes = [pd.read_csv(one) for one in names]",
        "print(len(frames))",
    )
    assert len(planned(tmp_path, cells).stages) == 3


def test_an_example_of_a_library_is_no_file_of_the_notebook(tmp_path):
    cells = stages(
        FRAME + "frame.to_csv('out.csv')",
        "from sklearn.datasets import load_iris\nyes = [True]\niris = load_iris(return_X_y=yes[0])",
        "print(len(iris))",
    )
    assert len(planned(tmp_path, cells).stages) == 3


def test_settings_of_the_last_stage_are_no_results(tmp_path):
    cells = stages("xs = [1, 2]", "rate = 0.1\nname = 'a'\ntotal = sum(xs) * rate")
    (*_, last) = planned(tmp_path, cells).stages
    assert [port.name for port in last.outputs] == []
    cells = stages("xs = [1, 2]", "import numpy as np\nrate = 0.1\ntotal = np.array(xs) * rate")
    (*_, last) = planned(tmp_path, cells).stages
    assert [port.name for port in last.outputs] == ["total"]


def test_shells_that_only_look_hold_nothing_together(tmp_path):
    (tmp_path / "in.csv").write_text("a\n1\n")
    cells = stages(
        "!head -n1 in.csv | wc -l\nxs = [1]",
        "n = !cat in.csv 2>/dev/null\nxs.append(2)",
        "!ls; pwd\nprint(xs, open('in.csv').read())",
    )
    assert len(planned(tmp_path, cells).stages) == 3


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        ("ls", {"*"}),
        ("cat 'a.csv' data/b_*.csv | head -3", {"a.csv", "data/b_*.csv"}),
        ("cat a; grep -n x b", {"a", "x", "b"}),
        ("wc -l < a.csv 2>&1", {"a.csv"}),
        ("# only\npwd && date", set()),
        ("find . -name '*.csv'", {"*"}),
        *((one, None) for one in ("cp a b", "find . -delete", "cat a > b", "ls | tee x", "ls &")),
        *((one, None) for one in ("echo $(rm a)", "echo `rm a`", "sort -oa b", "python x.py")),
        *((one, None) for one in ("diff <(rm a) b", "ls | xargs rm", "cat {name}")),
    ],
)
def test_what_a_shell_command_reads(command, paths):
    call = ast.parse(f"shell({command!r})", mode="eval").body
    assert read_by(call) == paths
