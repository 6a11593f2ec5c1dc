"""The image ``datascience``, from inside; built by ``make images``, tested where it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub
from probes import execute

from .room import Room, existing
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

COMPILE = """
cat > /tmp/answer.cc <<END
#include <Python.h>
static PyObject* answer(PyObject*, PyObject*) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "answer", "", -1, methods};
PyMODINIT_FUNC PyInit_answer() { return PyModule_Create(&module); }
END
cd /tmp
g++ -shared -fPIC $(python3-config --includes) answer.cc -o answer.so
python3 -c 'import answer; print(answer.answer())'
"""


@pytest.fixture(scope="module")
def datascience() -> Iterator[Room]:
    with existing("datascience") as entered:
        yield entered


def test_extensions_in_c_can_be_built(datascience: Room, home: Path) -> None:
    assert datascience.run("sh", "-ec", COMPILE, home=home).stdout == "42\n"


async def test_a_cell_trains_plots_and_asks_a_database(
    datascience: Room, hub: FakeHub, home: Path
) -> None:
    code = """
import os
import duckdb, matplotlib.pyplot as plt, pandas as pd, polars as pl
import lightgbm, xgboost
from sklearn.datasets import load_iris
iris = load_iris(as_frame=True)
table, target = iris.data, iris.target
target_frame = table
for model in (xgboost.XGBClassifier(n_estimators=3), lightgbm.LGBMClassifier(verbose=-1)):
    assert model.fit(table.to_numpy(), target).score(table.to_numpy(), target) > 0.9
assert duckdb.execute("select count(*) from target_frame").fetchone() == (150,)
table.to_parquet("iris.parquet")
assert pl.read_parquet("iris.parquet").height == 150
table.plot.scatter(x=0, y=1); plt.savefig("iris.png")
print(os.environ["PLOOMBER_STATS_ENABLED"], os.path.getsize("iris.png") > 1000)
"""
    async with serving(datascience, hub, home) as (ann, _, _):
        printed = await execute(ann, code)  # libraries warn before, depending on the machine
    assert printed.endswith("false True\n")
