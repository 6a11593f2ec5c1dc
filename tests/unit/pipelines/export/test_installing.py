"""What a cell does only to install something is a requirement, and no code."""

import pytest
from datalab_pipelines.export import analyse, read
from datalab_pipelines.export.code.rendering import code_files
from exporting import compare, notebook, planned, stages


def code_of(folder, cell):
    """Return the Python of a cell."""
    return analyse(read(notebook(folder / "nb.ipynb", [cell]))).code[0].code.strip()


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    import json\nexcept ImportError:\n    !pip install json\n    import json",
        "try:\n    import json\nexcept:\n    %pip install json\n    print('installed')",
        "try:\n    import json\nexcept (ImportError, ModuleNotFoundError):\n    import os\n"
        "    os.system('pip install json')",
    ],
)
def test_an_import_that_installs_what_is_missing_is_an_import(tmp_path, cell):
    expected = "import json"
    if "import os" in cell:  # it imports something else
        assert code_of(tmp_path, cell) != expected
    else:
        assert code_of(tmp_path, cell) == expected


def test_a_question_whether_to_install_is_not_asked(tmp_path):
    cell = "import sys\nHERE = 'colab' in sys.modules\nif HERE:\n    !pip install json\nx = 1"
    assert code_of(tmp_path, cell) == "import sys\npass\npass\nx = 1"
    assert "HERE = " in code_of(tmp_path, f"{cell}\nprint(HERE)")


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    import json\nexcept ImportError:\n    pass",
        "try:\n    import json\nexcept ImportError:\n    json = None  # install it",
        "try:\n    import json\nexcept ImportError:\n    !pip install json\n    import csv as json",
        "try:\n    x = 1\nexcept ImportError:\n    !pip install json",
        "try:\n    import json\nexcept KeyError:\n    !pip install json",
        "if (x := 1):\n    !pip install json",
        "if f():\n    !pip install json",
        "if a:\n    !pip install json\nelse:\n    b = 1",
    ],
)
def test_what_does_more_stays(tmp_path, cell):
    assert code_of(tmp_path, f"a = f = 1\n{cell}").replace("a = f = 1", "").strip()[:2] in (
        "tr",
        "if",
    )


def test_a_module_that_may_be_missing_is_imported_where_it_is_used(tmp_path):
    first = "try:\n    import json\nexcept ImportError:\n    !pip install json\n    import json"
    cells = stages(f"{first}\nx = [1]", "x.append(2)", "print(json.dumps(x))")
    plan, different = compare(cells)
    assert not different
    files = code_files(planned(tmp_path, cells))
    assert "import json" in files["stages/part_cx.py"]
    assert "shared.py" not in files
    assert not any(port.name == "json" for stage in plan.stages for port in stage.outputs)
