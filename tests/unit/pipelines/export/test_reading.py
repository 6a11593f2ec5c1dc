"""What the exporter refuses to read, and what it says."""

import json

import pytest
from datalab_pipelines.export.errors import ExportError
from datalab_pipelines.export.magics import translate
from datalab_pipelines.export.model import Cell
from datalab_pipelines.export.reading import read


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
        ("", "not valid JSON"),
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


def test_a_syntax_error_names_its_cell_and_line():
    with pytest.raises(ExportError, match="cell 4, line 2") as found:
        translate(Cell(3, "code", "x = 1\ny = = 2"), [])
    assert (found.value.cell, found.value.line) == (3, 2)
