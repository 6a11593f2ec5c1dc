"""What is saved comes back: the same values, types and identities, in the plainest format."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datalab_pipelines import ArtifactError, Metric
from datalab_pipelines.serializers import load, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def there_and_back(value: Any, folder: Path, hint: Any = None) -> tuple[Any, str]:
    manifest = save(value, folder, hint)
    return load(folder), manifest["format"]


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.tuples(st.integers()),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.integers(), inner)
        | st.tuples(inner, inner)
        | st.sets(st.integers())
    ),
    max_leaves=10,
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=PLAIN)
def test_plain_values_come_back_with_their_types(value: Any, tmp_path_factory: Any) -> None:
    back, _ = there_and_back(value, tmp_path_factory.mktemp("artifact"))
    assert same(value, back)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": [1, 2.5, None, True, "ü"]}, "json"),
        ((1, 2), "pickle"),
        ({1: "a"}, "pickle"),
        (float("nan"), "pickle"),
        (2**70, "pickle"),
        (OrderedDict(a=1), "pickle"),
        (datetime(2026, 1, 1, tzinfo=UTC), "pickle"),
        (np.arange(6).reshape(2, 3), "npy"),
        (np.asfortranarray(np.ones((3, 4))), "npy"),
        (np.array(["a", None], dtype=object), "pickle"),
        (np.zeros(2, dtype=[("x", "f4"), ("y", "i2")]), "pickle"),
        (np.float64(1.5), "pickle"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), "parquet"),
        (pd.DataFrame({"a": pd.Categorical(["x", "y"])}), "parquet"),
        (pd.DataFrame({"a": [[1], [2]]}), "pickle"),
        (pd.DataFrame({0: [1], 1: [2]}), "pickle"),
        (pd.DataFrame({"a": [1]}).rename_axis(columns="kind"), None),
        (pd.DataFrame({"a": [1, 2]}, index=[3, 5]), "parquet"),
        (pd.DataFrame({"a": [1, 2, 3]}, index=pd.date_range("2026", periods=3, freq="D")), None),
        (pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
         None),
        (pd.Series([1, 2], name="s"), "pickle"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_has_the_plainest_format_that_gives_it_back(
    value: Any, kind: str | None, tmp_path: Path
) -> None:
    back, found = there_and_back(value, tmp_path / "artifact")
    assert kind in (None, found)
    assert type(back) is type(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(value, back, check_exact=True, check_freq=True)
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(value, back)
    elif isinstance(value, np.ndarray):
        assert back.dtype == value.dtype
        assert back.flags.f_contiguous == value.flags.f_contiguous
        assert (back == value).all()
    else:
        assert same(value, back)


def test_one_list_in_two_places_stays_one_list(tmp_path: Path) -> None:
    row = [1]
    back, _ = there_and_back([row, row], tmp_path / "artifact")
    assert back[0] is back[1]


def test_the_same_content_has_the_same_digest(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    one, two = save(frame, tmp_path / "1"), save(frame.copy(), tmp_path / "2")
    assert one["sha256"] == two["sha256"]
    assert save(pd.DataFrame({"a": [1, 3]}), tmp_path / "3")["sha256"] != one["sha256"]


def test_a_metric_is_a_number(tmp_path: Path) -> None:
    assert there_and_back(Metric(0.5), tmp_path / "artifact") == (0.5, "json")


def test_a_file_is_stored_when_the_stage_says_path(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    back, kind = there_and_back(tmp_path / "model.onnx", tmp_path / "artifact", Path)
    assert (back.name, back.read_bytes(), kind) == ("model.onnx", b"weights", "file")
    with pytest.raises(ArtifactError, match="nothing is there"):
        save(tmp_path / "missing", tmp_path / "other", Path)


@pytest.mark.parametrize("kind", ["lock", "generator", "file", "a file inside"])
def test_what_cannot_be_stored_says_so_and_leaves_nothing(kind: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    with (tmp_path / "text").open() as file:
        value = {
            "lock": threading.Lock(),
            "generator": (number for number in [1]),
            "file": file,
            "a file inside": {"log": file},
        }[kind]
        refused(value, tmp_path)


def refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be stored"):
        save(value, tmp_path / "artifact")
    assert list((tmp_path / "artifact").iterdir()) == []


def test_a_lambda_is_stored_by_value(tmp_path: Path) -> None:
    factor = 3
    back, kind = there_and_back(lambda number: number * factor, tmp_path / "artifact")
    assert (back(2), kind) == (6, "cloudpickle")


def test_a_pickle_of_other_versions_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "artifact"
    save(pd.Series([1]), folder)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    assert manifest["libraries"]["pandas"] == pd.__version__
    manifest["libraries"]["pandas"] = "1.0.0"
    path.write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"saved with pandas 1\.0\.0, and here it is"):
        load(folder)
    monkeypatch.setenv("DATALAB_ALLOW_OTHER_VERSIONS", "1")
    assert list(load(folder)) == [1]


def test_what_is_no_artifact_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no artifact"):
        load(tmp_path)
