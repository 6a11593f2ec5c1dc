"""What ``from own import *`` brings, where ``own.py`` lies beside the notebook."""

import pytest
from datalab_pipelines.export import analyse, plan
from datalab_pipelines.export.cells.stars import exported
from exporting import planned, stages, with_files


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"own.py": "import os\na = _b = 1\ndef f():\n    pass\n"}, {"os", "a", "f"}),
        ({"own.py": "__all__ = ['a']\na = b = 1\n"}, {"a"}),
        ({"own.py": "from third import *\na = 1\n", "third.py": "b = 2\n_c = 3\n"}, {"a", "b"}),
        ({"own.py": "from third import *\n", "third.py": "__all__ = ['_c']\n_c = 3\n"}, set()),
        ({"own.py": "from colorsys import *\n"}, None),
        ({"own.py": "from third import *\n", "third.py": "from own import *\n"}, None),
        ({"own.py": "if 1:\n    from third import *\n", "third.py": "a = 1\n"}, None),
        ({"own.py": "from no_such_module import *\n"}, None),
        ({"own.py": "__all__ = []\n__all__ += ['a']\na = 1\n"}, None),
    ],
)
def test_its_names_are_those_that_python_would_bring(tmp_path, files, names):
    with_files(tmp_path, files, ("a = 1",))
    found = exported("own", tmp_path)
    if "colorsys" in files["own.py"]:
        assert found is not None and "rgb_to_hsv" in found
    else:
        assert found == names


def test_the_notebook_imports_the_names_that_it_uses(tmp_path):
    files = {"own.py": "from third import *\na = 1\n", "third.py": "def b():\n    return [2]\n"}
    found = plan(
        analyse(with_files(tmp_path, files, ("from own import *\nx = b()", "y = x + [a]")))
    )
    assert found.form == "functions"
    assert "from own import a, b" in found.analysis.code[0].code


def test_settings_above_a_star_of_which_nobody_can_tell(tmp_path):
    star = "from a_module_that_is_nowhere import *"
    settings = "import warnings\nwarnings.filterwarnings('ignore')\n"
    plan = planned(tmp_path, stages(settings + star + "\nxs = [1]", "xs.append(2)", "print(xs)"))
    assert not plan.whole
    assert plan.form == "variables"
    assert len(plan.stages) == 3
    assert planned(tmp_path, stages("xs = [1]\n" + star, "xs.append(2)", "print(xs)")).whole
