"""Files that one stage writes and another reads go on, where they surely lie in the folder."""

import os

import pytest
from datalab_pipelines.export.code.rendering import code_files
from datalab_pipelines.handing_on import give_files, take_files
from exporting import compare, planned, stages

FRAME = "import os\nimport pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})\n"

TRAVELS = {
    "written, added to, read, removed": (
        FRAME + "os.mkdir('out')\nframe.to_csv('out/a.csv', index=False)\n"
        "with open('log.txt', 'w') as file:\n    _ = file.write('start ')",
        "n = [1]\nwith open('log.txt', 'a') as file:\n    _ = file.write('more')",
        "print(pd.read_csv('out/a.csv'), n, open('log.txt').read())\n_ = os.remove('log.txt')",
        "print(os.path.exists('log.txt'), sorted(os.listdir('out')))",
    ),
    "past a stage that needs none, and with one that writes another": (
        FRAME + "frame.to_csv('a.csv', index=False)",
        "n = [frame.a.sum()]",
        "frame.to_csv('b.csv', index=False)",
        "n.append(3)",
        "print(pd.read_csv('a.csv'), pd.read_csv('b.csv'), n)",
    ),
    "paths that are put together": (
        "from pathlib import Path\nOUT = Path.cwd() / 'res'\nOUT.mkdir()\n"
        "for i in range(2):\n    (OUT / f'{i}.t').write_text(str(i))",
        "n = [one.name for one in sorted(OUT.glob('*.t'))]",
        "print([open(OUT / one).read() for one in n])",
    ),
    "in functions": (
        "import json, os\ndef save(data, name):\n    path = os.path.join('kept', name + '.json')\n"
        "    with open(path, 'w') as file:\n        json.dump(data, file)\nos.mkdir('kept')\n"
        "save([1, 2], 'xs')",
        "save([3], 'ys')\nn = [1]",
        "print([json.load(open('kept/' + one)) for one in sorted(os.listdir('kept'))], n)",
    ),
    "changed between in a way that nobody sees": (
        "from pathlib import Path\nimport os\nplace = Path('a.txt')\nplace.write_text('q')",
        "call = {'f': place.unlink}\ncall['f']()\nos.symlink('b', 'c')",
        "print(place.exists(), os.path.islink('c'))",
    ),
    "with what writes to the terminal": (
        FRAME + "import sys\ndef tell(n):\n    _ = sys.stdout.write(f'{n} rows\\n')\n"
        "frame.to_csv('a.csv', index=False)\ntell(len(frame))",
        "rows = len(pd.read_csv('a.csv'))\ntell(rows)",
        "tell(rows + 1)",
    ),
    "variables that are called as ours are": (
        FRAME + "files, taken, Files, take_files, give_files = 1, 2, 3, 4, 5\n"
        "frame.to_csv('a.csv', index=False)",
        "files += taken\nprint(pd.read_csv('a.csv'), files)",
        "print(files, taken, Files, take_files, give_files)",
    ),
    "with variables that are globals": (
        FRAME + "frame.to_csv('a.csv', index=False)\nname = 'n'",
        "n = [1]\nprint(eval(name))",
        "print(pd.read_csv('a.csv'), eval(name))",
    ),
    "by a shell": (
        "!mkdir -p made && echo q > made/a.txt",
        "!cp made/a.txt made/b.txt; echo more >> made/b.txt",
        "print(open('made/b.txt').read())",
    ),
    "an archive that is unpacked": (
        "import os, tarfile\nBASE = os.path.join('data', 'x')\ndef fetch(path=BASE):\n"
        "    os.makedirs(path)\n    name = os.path.join(path, 'a.txt')\n"
        "    with open(name, 'w') as file:\n        file.write('q')\n"
        "    with tarfile.open(os.path.join(path, 'a.tgz'), 'w:gz') as archive:\n"
        "        archive.add(name, 'b.txt')\nfetch()",
        "archive = tarfile.open(os.path.join(BASE, 'a.tgz'))\narchive.extractall(path=BASE)\n"
        "archive.close()",
        "print(open(os.path.join(BASE, 'b.txt')).read())",
    ),
    "a file that becomes a folder": (
        "import os\nwith open('x', 'w') as file:\n    _ = file.write('q')",
        "print(open('x').read())\nos.remove('x')\nos.mkdir('x')\n"
        "with open('x/y', 'w') as file:\n    _ = file.write('r')",
        "print(open('x/y').read())",
    ),
}


@pytest.mark.parametrize("groups", TRAVELS.values(), ids=TRAVELS)
def test_written_files_go_on(groups):
    plan, different = compare(stages(*groups))
    assert not different
    assert len(plan.stages) == len(groups)


def test_a_file_is_written_anew_when_it_has_been_read(tmp_path):
    writes = "with open('a.txt', 'w') as file:\n    file.write('q')"
    reads = "print(open('a.txt').read())"
    plan = planned(tmp_path, stages(writes, reads, writes.replace("q", "r"), reads))
    names = [one.name for one in plan.stages]
    assert len(names) == 4
    assert plan.stages[2].sources["files"] == (names[1], "files")


STAYS = {
    "a path from the root": ("open('/tmp/x.txt', 'w').write('q')", "open('/tmp/x.txt').read()"),
    "a path from the root, put together": (
        "ROOT = '/tmp'\nopen(ROOT + '/x.txt', 'w').write('q')",
        "open(ROOT + '/x.txt').read()",
    ),
    "in an argument": (
        "def save(where):\n    with open(where + '.txt', 'w') as file:\n        file.write('q')\n"
        "save('/tmp/x')",
        "open('/tmp/x.txt').read()",
    ),
    "the folder above": ("open('../x.txt', 'w').write('q')", "open('../x.txt').read()"),
    "the folder above, by its name": (
        "import os\nUP = os.path.dirname(os.getcwd())\nopen(UP + '/x.txt', 'w').write('q')",
        "open(UP + '/x.txt').read()",
    ),
    "a home": (
        "import os\nP = os.path.expanduser('~')\nopen(os.path.join(P, 'x.txt'), 'w').write('q')",
        "open(os.path.join(P, 'x.txt')).read()",
    ),
    "a temporary folder": (
        "import tempfile, os\nP = tempfile.gettempdir()\nopen(P + '/x.txt', 'w').write('q')",
        "open(P + '/x.txt').read()",
    ),
    "the root, added later": (
        "P = ''\nP += '/tmp/x.txt'\nwith open(P, 'w') as file:\n    file.write('q')",
        "open(P).read()",
    ),
    "the root, in a list": (
        "P = []\nP.append('/tmp/x.txt')\nfor one in P:\n    open(one, 'w').write('q')",
        "open(P[0]).read()",
    ),
    "the root, in a dictionary": (
        "P = {}\nP['out'] = '/tmp/x.txt'\nopen(P['out'], 'w').write('q')",
        "open(P['out']).read()",
    ),
    "the root, filled in": (
        "P, Q = '', '/tmp/x'\nQ = '/tmp/x'\nopen(f'{P}{Q}.txt', 'w').write('q')",
        "open(f'{P}{Q}.txt').read()",
    ),
    "a name that a function has, too": (
        "P = '/tmp/x.txt'\ndef text(n):\n    P = 'a.txt'\n    return P * n\n"
        "with open(P, 'w') as file:\n    file.write(text(1))",
        "open(P).read()",
    ),
    "a folder behind an option": ("!wget -P/tmp http://a.b/x.txt", "open('/tmp/x.txt').read()"),
    "a path that is not known": (
        "import lib\nP = lib.where()\nopen(P, 'w').write('q')",
        "open(P).read()",
    ),
    "a file that stays open": (
        "file = open('x.txt', 'w')\nfile.write('q')",
        "print(open('x.txt').read())",
    ),
    "a program": ("import os\nos.system('cp a /tmp/x.txt')", "open('/tmp/x.txt').read()"),
    "a shell that goes elsewhere": ("!cd /tmp && touch x.txt", "open('/tmp/x.txt').read()"),
    "a shell, in a home": ("!touch ~/x.txt", "open('/home/ann/x.txt').read()"),
    "a program of a shell": ("!python make.py", "open('x.txt').read()"),
    "a database": (
        "import sqlite3\ncon = sqlite3.connect('x.db')\ncon.close()",
        "con = sqlite3.connect('x.db')",
    ),
    "a module": ("%%writefile my_module.py\nx = 1", "import my_module"),
    "another folder": (
        "import os\nos.mkdir('in')\nopen('x.txt', 'w').write('q')\nos.chdir('in')",
        "open('../x.txt').read()",
    ),
    "when it was written": (
        "import os\nopen('x.txt', 'w').write('q')",
        "print(os.path.getmtime('x.txt'), open('x.txt').read())",
    ),
}


@pytest.mark.parametrize("groups", STAYS.values(), ids=STAYS)
def test_what_may_lie_anywhere_stays_with_those_who_read_it(groups, tmp_path):
    plan = planned(tmp_path, stages(groups[0], "n = [1]", groups[1], "n.append(2)\nprint(n)"))
    (together,) = [one for one in plan.stages if 1 in one.cells]
    assert 5 in together.cells
    assert not plan.analysis.handed


def test_a_stage_says_that_it_takes_and_gives_files(tmp_path):
    plan = planned(tmp_path, stages(FRAME + "frame.to_csv('a.csv')", "pd.read_csv('a.csv')"))
    text = "\n".join(code_files(plan).values())
    assert "files = make_part_ax()" in text or "files = part_ax()" in text
    assert "def part_bx(files: Files)" in text


def test_what_was_changed_made_and_removed_is_what_is_given(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "old").mkdir(parents=True)
        for name in ("kept", "changed", "old/gone"):
            (folder / name).write_text("own")
    monkeypatch.chdir(first)
    taken = take_files()
    (first / "changed").write_text("new")
    (first / "old/gone").unlink()
    (first / "old").rmdir()
    (first / "empty/inner").mkdir(parents=True)
    (first / "run").write_text("#!")
    (first / "run").chmod(0o755)
    (first / "link").symlink_to("run")
    (first / ".datalab").mkdir()
    given = give_files(taken)
    assert given.read_bytes() == give_files(taken).read_bytes()
    monkeypatch.chdir(second)
    taken = take_files(given)
    assert sorted(one.name for one in second.iterdir()) == [
        *("changed", "empty", "kept", "link", "run"),
    ]
    assert (second / "changed").read_text() == "new"
    assert (second / "empty/inner").is_dir()
    assert os.access(second / "run", os.X_OK)
    assert (second / "link").readlink().name == "run"
    assert (second / "run").stat().st_mtime > (second / "kept").stat().st_mtime - 60
    assert give_files(taken).read_bytes() == given.read_bytes()  # all of it goes on


def test_nothing_to_hand_on_is_an_archive_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("of the run before")
    given = give_files(take_files())
    assert not take_files(given).handed
    assert (tmp_path / "a.csv").read_text() == "of the run before"


def test_a_file_that_is_there_is_not_written_again_under_those_who_read_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    taken = take_files()
    (tmp_path / "same").write_text("as it was")
    (tmp_path / "other").write_text("as it was")
    given = give_files(taken)
    (tmp_path / "other").write_text("otherwise")
    before = (tmp_path / "same").stat().st_ino
    with (tmp_path / "same").open() as reading:
        assert take_files(given).handed == {"same", "other"}
        assert reading.read() == "as it was"
    assert (tmp_path / "same").stat().st_ino == before
    assert (tmp_path / "other").read_text() == "as it was"
