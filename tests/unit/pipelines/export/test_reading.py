"""What the exporter refuses to read, and what it says."""

import json

import pytest
from datalab_pipelines.export.cells.magics import translate
from datalab_pipelines.export.cells.reading import read
from datalab_pipelines.export.errors import ExportError
from datalab_pipelines.export.facts.analysing import analyse
from datalab_pipelines.export.model import Cell


def document(*sources, **metadata):
    cells = [{"cell_type": "code", "source": one, "metadata": {}} for one in sources]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def written(folder, content):
    path = folder / "my_notebook.ipynb"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "an empty file"),
        ("{", "not valid JSON"),
        ("[1]", "not a notebook"),
        ("{}", "not a notebook"),
        ({"nbformat": 3, "worksheets": []}, "format 3"),
        (document(), "no code"),
        (document("  \n"), "no code"),
        (document("x <- 1", language_info={"name": "R"}), "notebook for R"),
        (document("1", kernelspec={"language": "julia", "display_name": "Julia 1"}), "Julia 1"),
        (document("1", language_info={"name": "python", "version": "2.7.1"}), "Python 2.7.1"),
    ],
)
def test_what_is_not_a_python_3_notebook_is_refused_in_one_sentence(tmp_path, content, says):
    with pytest.raises(ExportError, match=says):
        read(written(tmp_path, content))


def test_a_missing_notebook_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.ipynb", tmp_path):
        with pytest.raises(ExportError):
            read(path)


def test_the_title_is_the_first_heading_or_the_files_name(tmp_path):
    content = document("x = 1")
    assert read(written(tmp_path, content)).title == "my notebook"
    content["cells"].insert(0, {"cell_type": "markdown", "source": "# The *best* model\n"})
    assert read(written(tmp_path, content)).title == "The best model"
    content["cells"].insert(0, {"cell_type": "markdown", "source": "**Chapter 4: models**"})
    assert read(written(tmp_path, content)).title == "The best model"
    content["cells"][1]["source"] = "# Setup"  # a section, as those below it
    assert read(written(tmp_path, content)).title == "Chapter 4: models"
    content["cells"][1]["source"] = "# Import necessary dependencies and settings"
    assert read(written(tmp_path, content)).title == "Chapter 4: models"
    content["cells"][0]["source"] = "**Setup**"
    assert read(written(tmp_path, content)).title == "my notebook"


def test_a_syntax_error_names_its_cell_and_line():
    with pytest.raises(ExportError, match="cell 4, line 2") as found:
        translate(Cell(3, "code", "x = 1\ny = = 2"), [])
    assert (found.value.cell, found.value.line) == (3, 2)


def test_outputs_of_many_megabytes_are_not_kept(tmp_path):
    content = document("x = 1")
    content["cells"][0]["outputs"] = [{"output_type": "stream", "text": "y" * 50_000_000}]
    found = read(written(tmp_path, content))
    assert "outputs" not in found.document["cells"][0]
    assert found.cells[0].source == "x = 1"


def test_a_version_that_was_not_renewed_beside_a_python_3_kernel_is_no_reason(tmp_path):
    content = document("x = 1", kernelspec={"name": "python3"}, language_info={"version": "2.7.1"})
    assert read(written(tmp_path, content)).cells
    content["metadata"]["kernelspec"]["name"] = "python2"
    with pytest.raises(ExportError, match="Python 2"):
        read(written(tmp_path, content))


def analysed(folder, *sources, counts=()):
    content = document(*sources)
    for cell, count in zip(content["cells"], counts, strict=False):
        cell["execution_count"] = count
    return analyse(read(written(folder, content)))


def test_a_cell_that_asks_a_person_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(ExportError, match="nobody answers") as found:
        analysed(tmp_path, "x = 1", "name = input('name? ')")
    assert (found.value.cell, found.value.line) == (1, 1)
    assert "parameters" in found.value.hint
    assert not analysed(tmp_path, "def ask():\n    return input()").warnings


def test_a_name_that_only_a_later_cell_sets_is_warned_of(tmp_path):
    (warning,) = analysed(tmp_path, "y = x", "x = 1").warnings
    assert warning.cell == 0
    assert "cell 1 reads x, which cell 2 sets only later" in warning.message


def test_cells_that_were_run_in_another_order_are_warned_of_once(tmp_path):
    found = analysed(tmp_path, "a = 1", "b = 2", "c = 3", "d = 4", counts=(1, 5, 3, 2))
    assert [one.cell for one in found.warnings] == [2]
    assert not analysed(tmp_path, "a = 1", "b = 2", counts=(4, 9)).warnings


@pytest.mark.parametrize(
    "sources",
    [
        ["try:\n    x\nexcept NameError:\n    x = 1"],
        ["def f():\n    return late", "late = 1", "f()"],
        ["print(__name__, __doc__)"],
        ["def f():\n    global made\n    made = 1", "f()", "made"],
        ["for i in []:\n    pass", "i"],
        ["%matplotlib inline\ndisplay(1)", "get_ipython"],
    ],
)
def test_names_that_may_be_set_are_not_warned_of(tmp_path, sources):
    assert not [one for one in analysed(tmp_path, *sources).warnings if one.code == "order"]
