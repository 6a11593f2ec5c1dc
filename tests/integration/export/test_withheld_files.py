"""Keys and very large data that a notebook reads are in the proof, and in no project or commit."""

from __future__ import annotations

import json
import subprocess

import nbformat
import pytest
from datalab_pipelines.export.code import withholding
from datalab_pipelines.export.command import main

CELLS = [
    "import json\nkey = json.load(open('settings/credentials.json'))['key']\nprint(len(key))",
    "rows = open('big.csv').read().split()\nprint(len(rows))",
    "small = open('small.csv').read()\nprint(small, len(rows), len(key))",
]
KEY = "AKIAIOSFODNN7EXAMPLE"


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(withholding, "LARGEST_DATA", 1000)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings/credentials.json").write_text(json.dumps({"key": KEY}))
    (tmp_path / "big.csv").write_text("1\n" * 600)
    (tmp_path / "small.csv").write_text("2")
    cells = [nbformat.v4.new_code_cell(one) for one in CELLS]
    cells.insert(1, nbformat.v4.new_markdown_cell("## Use it"))
    path = tmp_path / "sales.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_the_notebook_verifies_and_its_commit_has_neither_key_nor_large_data(notebook, capsys):
    folder = notebook.parent / "pipelines" / "sales"
    status = main([str(notebook), "--verify", "--json", "--commit", "--to", str(folder)])
    said = json.loads(capsys.readouterr().out)
    assert (status, said["verification"]["status"]) == (0, "equal"), said
    assert len(said["plan"]["stages"]) == 2
    git = ["git", "-C", str(folder)]
    names = subprocess.check_output([*git, "ls-files"], text=True).splitlines()
    assert "small.csv" in names
    assert not {"big.csv", "settings/credentials.json"} & set(names)
    everything = subprocess.check_output([*git, "log", "-p", "--all"], text=True)
    assert KEY not in everything
    told = "\n".join(said["export"]["notes"])
    assert "`settings/credentials.json` is not in the project, because it looks like a key" in told
    assert "`big.csv` is not in the project, because with its 0 MB it is too large" in told
    assert "settings/credentials.json" in (folder / "README.md").read_text()

    for name in ("settings/credentials.json", "big.csv"):  # a person puts them there
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((notebook.parent / name).read_bytes())
    assert not subprocess.check_output([*git, "status", "--short"], text=True)
    docker = (folder / ".dockerignore").read_text().splitlines()
    assert "settings/credentials.json" in docker
    assert "big.csv" not in docker


@pytest.mark.parametrize(
    ("name", "text", "secret"),
    [
        *[(name, "", True) for name in (".env", ".env.local", "server.pem", "kaggle.json")],
        *[(name, "", True) for name in ("my-credentials.json", "client_secret.json", ".netrc")],
        ("anything.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\n", True),
        *[(name, "", False) for name in ("secretary.csv", "tokens.csv", "environment.yml")],
        *[(name, "", False) for name in ("password_strength.csv", "keys.csv", "train.csv")],
        ("anything.txt", "about a PRIVATE KEY", False),
    ],
)
def test_what_looks_like_a_key(tmp_path, name, text, secret):
    (tmp_path / name).write_text(text)
    assert withholding.is_secret(tmp_path / name) is secret
