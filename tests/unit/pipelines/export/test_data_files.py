"""The files that belong to a notebook, however the code puts their paths together."""

import pytest
from datalab_pipelines.export.code.data_files import (
    data_files,
    empty_folders,
    kept_folders,
    placed,
    working_folder,
)
from exporting import planned

LIES_THERE = [
    "a.csv",
    "datasets/life/gdp.csv",
    "datasets/life/oecd.csv",
    "datasets/other/x.csv",
    "part_1.csv",
    "part_2.csv",
    "notes.txt",
    "photos/one.png",
    "photos/two.png",
]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open('a.csv')", ["a.csv"]),
        ("open('./a.csv')", ["a.csv"]),
        ("from pathlib import Path\nP = Path('datasets')\nopen(P / 'life' / 'gdp.csv')", ["gdp"]),
        ("import os\nd = os.path.join('datasets', 'life', '')\nopen(d + 'gdp.csv')", ["gdp"]),
        ("for n in ['gdp', 'oecd']:\n    open('datasets/life/' + n + '.csv')", ["gdp", "oecd"]),
        ("for n in range(1, 3):\n    open(f'part_{n}.csv')", ["part_1.csv", "part_2.csv"]),
        ("for n in range(1, 3):\n    open('part_%d.csv' % n)", ["part_1.csv", "part_2.csv"]),
        ("from glob import glob\nglob('part_*.csv')", ["part_1.csv", "part_2.csv"]),
        ("import os\nos.listdir('photos')", ["photos/one.png", "photos/two.png"]),
        ("import os\nos.listdir('.')", []),
        ("print('{}_{}'.format(1, 2), 'photos')", []),
        ("get('https://example.org/data/notes.txt')", ["notes.txt"]),
        ("x = 'life'", []),
        ("!head -n1 datasets/life/gdp.csv | wc -l", ["gdp"]),
        ("x = !cat part_*.csv", ["part_1.csv", "part_2.csv"]),
        ("name = 'a.csv'\n!cat {name}", ["a.csv"]),
        ("!ls photos", ["photos/one.png", "photos/two.png"]),
        ("!echo photos", []),
    ],
)
def test_a_file_is_found_by_the_texts_that_its_path_is_made_of(tmp_path, code, found):
    for name in LIES_THERE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    short = {"gdp": "datasets/life/gdp.csv", "oecd": "datasets/life/oecd.csv"}
    plan = planned(tmp_path, [f"def get(url):\n    pass\n{code}"])
    assert data_files(plan) == [short.get(one, one) for one in found]


def test_a_cell_of_shell_commands_names_files_on_each_line(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv", "c.txt"):
        (tmp_path / "data" / name).write_text("1")
    plan = planned(tmp_path, ["%%bash\ncd data\nwc -l < a.csv\nsort 'b.csv'; echo c"])
    assert data_files(plan) == ["data/a.csv", "data/b.csv"]


def test_an_earlier_export_beside_the_notebook_is_not_its_data(tmp_path):
    for name in ("nb/pipeline.py", "nb/stages/a.py", "nb/a.csv", "a.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    assert data_files(planned(tmp_path, ["open('a.csv')\nname = 'nb'"])) == ["a.csv"]


def test_what_lies_around_the_notebooks_folder_keeps_its_place(tmp_path):
    for name in ("data/a.csv", "notebooks/b.csv", "src/helping.py", "notebooks/own.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    cells = [
        "import sys\nsys.path.append('../src')\nimport helping\nimport own\nimport os",
        "a = open(os.path.join('..', 'data', 'a.csv')).read()\nb = open('b.csv').read()",
    ]
    plan = planned(tmp_path / "notebooks", cells)
    assert working_folder(plan) == "files/notebooks"
    assert {name: path.name for name, path in placed(plan).items()} == {
        "files/data/a.csv": "a.csv",
        "files/notebooks/b.csv": "b.csv",
        "files/notebooks/own.py": "own.py",
        "files/src/helping.py": "helping.py",
        "helping.py": "helping.py",
        "own.py": "own.py",
    }


def test_a_notebook_that_reads_its_own_folder_needs_no_other_place(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    plan = planned(tmp_path, ["a = open('a.csv').read()\nb = '../not-there.csv'"])
    assert working_folder(plan) == ""
    assert list(placed(plan)) == ["a.csv"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("plt.savefig('figures/a.png')", ["figures"]),
        ("plt.savefig('./figures/a.png')", ["figures"]),
        ("plt.savefig(f'figures/deep/{x}.png')", ["figures/deep"]),
        (
            "import os\nFIGURES = 'figures'\nplt.savefig(os.path.join(FIGURES, 'a.png'))",
            ["figures"],
        ),
        ("from pathlib import Path\nx.to_csv(Path('figures') / 'a.csv')", ["figures"]),
        ("open('figures/a.txt', 'w')\nopen('notes/a.txt')", ["figures"]),  # that has a file
        ("x = 'figures'", []),
        ("plt.savefig('elsewhere/a.png')", []),
        ("import os\nos.makedirs('figures', exist_ok=True)\nplt.savefig('figures/a.png')", []),
        ("!mkdir figures\nplt.savefig('figures/a.png')", []),
        ("import os\nprint(os.listdir('figures'))\nplt.savefig('figures/a.png')", []),
        ("plt.savefig('../reports/a.png')", ["../reports"]),
    ],
)
def test_a_folder_into_which_the_notebook_writes_is_there(tmp_path, code, found):
    here = tmp_path / "notebooks"
    for name in ("figures/deep", "notes", "../reports"):
        (here / name).mkdir(parents=True)
    (here / "notes" / "a.txt").write_text("1")
    plan = planned(here, [f"plt, x = 0, 0\n{code}"])
    assert empty_folders(plan) == found


def test_folders_keep_their_places_in_the_project(tmp_path):
    here = tmp_path / "notebooks"
    for name in ("figures", "../reports/figures"):
        (here / name).mkdir(parents=True)
    plan = planned(here, ["open('figures/a', 'w')"])
    assert kept_folders(plan) == ["figures"]
    plan = planned(here, ["open('figures/a', 'w')\nopen('../reports/figures/a', 'w')"])
    assert working_folder(plan) == "files/notebooks"
    kept = ["files/notebooks", "files/reports/figures", "files/notebooks/figures"]
    assert kept_folders(plan) == kept
