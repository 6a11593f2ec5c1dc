"""What takes too long, what is empty, and what only a run of two processes shows."""

import os

import pytest
from datalab_pipelines import export
from datalab_pipelines.digests import digest
from datalab_pipelines.export.code.data_files import data_files
from datalab_pipelines.export.command import main
from datalab_pipelines.notebook import Lines, capture_output, show
from exporting import compare, notebook, planned, stages


def test_a_run_that_takes_too_long_leaves_an_unproved_project_that_says_so(tmp_path, capsys):
    path = notebook(tmp_path / "slow.ipynb", ["import time\ntime.sleep(600)", "x = 1"])
    assert main([str(path), "--verify", "--timeout", "2", "--to", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "NOT VERIFIED: the notebook was not finished after 2 s" in said.out
    assert "--timeout SECONDS" in said.err
    assert (tmp_path / "out" / "pipeline.py").exists()


def test_a_time_that_is_none_is_refused(tmp_path, capsys):
    path = notebook(tmp_path / "nb.ipynb", ["x = 1"])
    with pytest.raises(SystemExit):
        main([str(path), "--verify", "--timeout", "0"])
    assert "no number of seconds above 0" in capsys.readouterr().err


def test_the_two_runs_of_the_notebook_may_want_the_same_thing(tmp_path):
    # The lock stands for a port: whoever comes second fails, and is run again by itself.
    lock = tmp_path / "lock"
    cells = [
        f"import os, time\nhandle = os.open({str(lock)!r}, os.O_CREAT | os.O_EXCL)",
        f"time.sleep(1)\nos.close(handle)\nos.unlink({str(lock)!r})\nx = [1]",
    ]
    plan = planned(tmp_path, cells)
    assert export.verify(plan).status == "equal"
    assert not lock.exists()


def test_a_notebook_of_prose_is_told_what_it_has(tmp_path):
    path = notebook(tmp_path / "nb.ipynb", ["# Title", "## Part"])
    with pytest.raises(export.ExportError, match="no code in it: it has 2 markdown cells only"):
        export.read(path)


def test_files_that_a_magic_names_come_along(tmp_path):
    for name in ("code.py", "unrelated.py"):
        (tmp_path / name).write_text("x = 1")
    notebook(tmp_path / "Other.ipynb", ["y = 2"])
    plan = planned(tmp_path, ["%run code.py", "%run Other.ipynb"])
    assert data_files(plan) == ["Other.ipynb", "code.py"]


def test_text_that_is_no_name_of_a_file_is_no_file(tmp_path):
    assert data_files(planned(tmp_path, [f"x = {'∅' * 150!r}"])) == []


def test_a_line_that_is_left_open_goes_on_in_the_next_cell_of_a_stage():
    cells = stages(("x = [1]\nprint(1, end='  ')", "print(2)", "print(3, end='')"), "print(x)")
    assert not compare(cells)[1]


def test_how_far_a_function_jumps_does_not_make_it_another():
    # Looking up globals takes more room than locals, and a jump above 255 another instruction.
    body = "\n".join(f"        x = abs(x) + np({n}) - y" for n in range(8))
    texts = {
        "global": f"def f(x, y):\n    for i in range(3):\n{body}\n    return x",
        "closed over": "def g(np):\n"
        + "\n".join(
            f"    {line}"
            for line in f"def f(x, y):\n    for i in range(3):\n{body}\n    return x".splitlines()
        )
        + "\n    return f\nf = g(1)",
    }
    found = set()
    for text in texts.values():
        space = {"__name__": "__main__"}
        exec(text, space)
        found.add(digest(space["f"]))
    assert len(found) == 1


def test_what_is_captured_can_be_looked_at_and_shown(capsys):
    with capture_output() as out:
        print("a")
        show([1])
    assert (out.stdout, out.outputs) == ("a\n", [[1]])
    assert capsys.readouterr().out == ""
    out.show()
    assert capsys.readouterr().out == "a\n[1]\n"


def test_lines_of_a_command_know_what_ipythons_know(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").touch()
    lines = Lines(["a.txt 1", "b.txt 2", "a.txt"])
    assert (lines.n, lines.s) == ("a.txt 1\nb.txt 2\na.txt", "a.txt 1 b.txt 2 a.txt")
    assert lines.grep("A") == ["a.txt 1", "a.txt"]
    assert lines.grep("a", prune=True) == ["b.txt 2"]
    assert lines.grep("2", field=1) == ["b.txt 2"]
    assert lines.fields(1) == ["1", "2"]
    assert lines.fields()[2] == ["a.txt"]
    assert [os.fspath(one) for one in lines.p] == ["a.txt"]
