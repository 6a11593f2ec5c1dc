"""Files that cells write and read: they are handed on where they may be the same."""

import pytest
from exporting import compare, planned, stages


def test_pictures_are_saved_by_a_function_in_every_stage(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan, different = compare(
        stages(
            (
                "from pathlib import Path\nimport matplotlib\nmatplotlib.use('agg')\n"
                "import matplotlib.pyplot as plt",
                "IMAGES = Path() / 'images' / 'it'\nIMAGES.mkdir(parents=True, exist_ok=True)\n"
                "def save_fig(name, kind='png'):\n    plt.savefig(IMAGES / f'{name}.{kind}')",
                "xs = [1, 2]",
            ),
            "plt.plot(xs)\nsave_fig('one')\nn = len(xs)",
            "plt.plot(xs[:n])\nsave_fig('two')\nm = n + 1",
        )
    )
    assert not different
    assert len(plan.stages) == 3


@pytest.mark.parametrize(
    ("wrote", "reads", "same"),
    [
        ("np.savetxt('out.txt', xs)", "np.loadtxt('out.txt')", True),
        ("np.savetxt('out.txt', xs)", "np.loadtxt('other.txt')", False),
        ("np.savetxt(F / 'out.txt', xs)", "[np.loadtxt(one) for one in F.iterdir()]", True),
        ("keep(xs)", "np.loadtxt(name)", True),
        ("keep(xs)", "np.loadtxt('other.txt')", False),
        ("np.savetxt(name, xs)", "load('out.txt')", True),
        ("plt.savefig('a.png')", "plt.imread('a.png')", True),
        ("plt.savefig('a.png')", "np.loadtxt(name)", False),
        ("shift(xs, mode='constant')", "np.loadtxt(name)", False),
    ],
)
def test_only_files_that_may_be_the_same_are_handed_on(tmp_path, wrote, reads, same):
    cells = stages(
        (
            "from pathlib import Path\nimport numpy as np\nimport matplotlib.pyplot as plt\n"
            "from scipy.ndimage import shift\nname = 'out.txt'\nF = Path('kept') / 'here'",
            "def keep(them):\n    path = name\n    np.savetxt(path, them)",
            "def load(path):\n    return np.loadtxt(path)",
            "xs = [1.0, 2.0]",
        ),
        f"ys = xs * 2\n{wrote}",
        f"zs = {reads}\nws = 1",
    )
    first, second, third = planned(tmp_path, cells).stages
    assert not first.files_out
    assert (second.files_out, third.files_in) == (same, same)
