"""Settings that name variables, that a module of one's own makes, and folders made by the shell."""

import pytest
from datalab_pipelines.export.code.rendering import code_files
from datalab_pipelines.export.facts.folders import makes_folder
from datalab_pipelines.typed import type_of
from exporting import compare, planned, stages, with_files

HEAD = "import seaborn as sns\nimport matplotlib.pyplot as plt\nx = [1]\nx.append(2)\n"
DRAWS = "plt.plot(x)\nx.append(3)"


def module_of(plan, name):
    """Return the text of a stage's module, or of ``shared``."""
    files = code_files(plan)
    return files["shared.py" if name == "shared" else f"stages/{name}.py"]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("rc = {'axes.grid': True}\nsns.set_theme(rc=rc)", 'rc={"axes.grid": True}'),
        (
            "cs = ['red', 'blue']\np = sns.color_palette(cs)\nsns.set_palette(p)",
            'sns.set_palette(sns.color_palette(["red", "blue"]))',
        ),
        (
            "cs = ['red']\ncs = ['blue']\nplt.rcParams['axes.prop_cycle'] = plt.cycler(color=cs)",
            'plt.cycler(color=["blue"])',
        ),
    ],
)
def test_a_setting_that_names_a_variable_is_said_again_with_its_value(tmp_path, first, last):
    plan = planned(tmp_path, stages(HEAD + first, DRAWS, "plt.plot(x)"))
    assert last in module_of(plan, "part_cx").replace("'", '"')


@pytest.mark.parametrize(
    "first",
    [
        "rc = {'axes.grid': True}\nrc['axes.grid'] = x == [1]\nsns.set_theme(rc=rc)",
        "rc = {'axes.grid': True}\nother = rc\nsns.set_theme(rc=rc)",
        "rc = dict(zip(['axes.grid'], x))\nsns.set_theme(rc=rc)",
        "p = sns.color_palette()\nsns.set_palette(p)",
    ],
)
def test_a_value_that_may_be_another_one_is_not_put_in_the_place_of_a_name(tmp_path, first):
    plan = planned(tmp_path, stages(HEAD + first, DRAWS, "plt.plot(x)"))
    assert "sns.set" not in module_of(plan, "part_cx")


def test_what_only_the_settings_at_the_beginning_read_is_said_once(tmp_path):
    first = "import seaborn as sns\nSIZE = 9\nrc = {'a': 1}\nsns.set(rc=rc)\nsns.set(font=SIZE)"
    plan = planned(tmp_path, [first, *stages("x = [1]", "x.append(2)", "print(x)")])
    assert [stage.name for stage in plan.stages] == ["part_ax", "part_bx", "part_cx"]
    shared = module_of(plan, "shared").replace("'", '"')
    assert shared.index('sns.set(rc={"a": 1})') < shared.index("sns.set(font=SIZE)")
    assert "rc" not in module_of(plan, "part_ax")


def test_settings_of_an_imported_module_hold_in_every_stage(tmp_path):
    files = {
        "look.py": "import inner\ndef title(): return 'a'\n",
        "inner.py": "import matplotlib as mpl\nmpl.rcParams['lines.linewidth'] = 3\n",
        "plain.py": "import sys\ndef f(): return 1\nif __name__ == '__main__': sys.exit()\n",
    }
    first = "from look import title\nimport plain\nt = [title()]\nplain.f()"
    notebook = with_files(tmp_path, files, [first, "t.append(1)", "print(t)"])
    from datalab_pipelines.export import analyse, plan

    found = plan(analyse(notebook))
    assert "import look" in module_of(found, "shared")
    assert "plain" not in module_of(found, "shared")
    assert "import shared" in module_of(found, "part_cx")


@pytest.mark.parametrize("command", ["mkdir -p figs", "mkdir -p out/a out/b "])
def test_a_folder_that_the_shell_makes_is_made_in_every_stage(command):
    folder = command.split()[-1]
    cells = stages(
        f"import pathlib\n!{command}\nx = [1]",
        f"pathlib.Path('{folder}/a.txt').write_text('a')\nx.append(2)",
        f"pathlib.Path('{folder}/b.txt').write_text('b')\nprint(x)",
    )
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 3


@pytest.mark.parametrize(
    "command", ["mkdir figs", "mkdir -p a; ls", "mkdir -p {name}", "mkdir -p $A"]
)
def test_what_the_shell_does_besides_making_a_folder_is_done_once(command):
    import ast

    (node,) = ast.parse(f"shell({command!r})").body
    assert not makes_folder(node)


def test_a_private_class_is_called_by_its_first_public_base():
    _Colours = type("_Colours", (list,), {"__module__": "seaborn.palettes"})
    assert type_of(_Colours()) == "list"
    _Odd = type("_Odd", (), {"__module__": "somewhere"})
    assert type_of(_Odd()) == ""


SEEDER = (
    "def seed_all(seed):\n    random.seed(seed)\n    np.random.seed(seed)\n"
    "    os.environ['PYTHONHASHSEED'] = str(seed)\n    if seed:\n        random.seed(seed + 1)"
)


def test_a_function_that_seeds_is_not_called_again_in_later_stages(tmp_path):
    head = f"import os, random\nimport numpy as np\n{SEEDER}\nseed_all(3)"
    cells = stages(f"{head}\nx = [random.random()]", "x.append(random.random())", "print(x)")
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 3
    assert "seed_all" not in module_of(planned(tmp_path, cells), "part_bx")


def test_generators_are_restored_after_what_is_said_again(tmp_path):
    draws = "def style():\n    plt.rcParams['lines.linewidth'] = np.random.rand()\nstyle()"
    head = f"import numpy as np\nimport matplotlib.pyplot as plt\nnp.random.seed(1)\n{draws}"
    cells = stages(f"{head}\nx = [np.random.rand()]", "x.append(np.random.rand())", "print(x)")
    _, different = compare(cells)
    assert not different
    text = module_of(planned(tmp_path, cells), "part_bx")
    assert text.index("style()") < text.index("restore_random_state(generators)")


def test_settings_below_what_kaggle_begins_with_are_said_once(tmp_path):
    walk = (
        "import os, random\nimport numpy as np\nimport matplotlib.pyplot as plt\n"
        "for d, _, names in os.walk('/kaggle/input'):\n    for name in names:\n"
        "        print(os.path.join(d, name))\nprint(os.listdir('.'))"
    )
    looks = "np.random.seed(1)\nfont = {'size': 11}\nplt.rc('font', **font)"
    plan = planned(tmp_path, [walk, looks, *stages("x = [1]", "x.append(2)", "print(x)")])
    assert "plt.rc('font', size=11)" in module_of(plan, "shared").replace('"', "'")
    assert "plt" not in module_of(plan, "part_cx")


def test_what_the_collector_tells_is_not_compared():
    cells = stages("import gc\nx = [1]\ngc.collect()", "x.append(2)\ngc.collect()", "print(x)")
    plan, different = compare(cells)
    assert not different
    assert len(plan.stages) == 3


@pytest.mark.parametrize(
    "make", ["!mkdir -p a/figs", "import os\nos.makedirs('figs', exist_ok=True)"]
)
def test_a_folder_is_made_where_something_names_it(tmp_path, make):
    cells = stages(f"x = [1]\nx.append(0)\n{make}", "x.append(2)", "open('a/figs/b', 'w').close()")
    plan = planned(tmp_path, cells)
    assert "mkdir" not in module_of(plan, "part_bx") and "makedirs" not in module_of(
        plan, "part_bx"
    )
    assert "figs" in module_of(plan, "part_cx").partition("open")[0]
    save = "def save(name):\n    open('figs/' + name, 'w').close()"
    cells = stages(f"x = [1]\nx.append(0)\n{save}\n{make}", "x.append(2)", "save('c')")
    assert module_of(planned(tmp_path, cells), "part_bx").count("figs")


def test_what_python_3_does_anyway_is_not_imported(tmp_path):
    first = "from __future__ import annotations, division\nfrom __future__ import print_function"
    plan = planned(tmp_path, stages(f"{first}\nx = [1]", "x.append(2)", "print(x)"))
    text = module_of(plan, "part_bx")
    assert text.count("__future__") == 1 and "import annotations\n" in text
