"""What Keras remembers goes from process to process."""

import sys
import types

import pytest
from datalab_pipelines.keras_state import keras_state, restore_keras_state

STATE = "keras.src.backend.common.global_state"


class _Tracker(types.ModuleType):
    """As much of ``keras.src.backend.common.global_state`` as is used."""

    def __init__(self):
        super().__init__(STATE)
        self.kept = {}

    def get_global_attribute(self, name):
        return self.kept.get(name)

    def set_global_attribute(self, name, value):
        self.kept[name] = value


@pytest.fixture
def tracker(monkeypatch):
    found = _Tracker()
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    monkeypatch.setitem(sys.modules, STATE, found)
    return found


def test_without_keras_there_is_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    assert keras_state() is None


def test_names_go_on_where_they_were(tracker):
    tracker.kept = {"object_name_uids": {"dense": 3}, "global_random_seed": 7, "other": object()}
    state = keras_state()
    assert state == {"object_name_uids": {"dense": 3}, "global_random_seed": 7}
    tracker.kept = {}
    restore_keras_state(state)
    names = tracker.kept["object_name_uids"]
    assert (names["dense"], names["conv"]) == (3, 0)
    assert tracker.kept["global_random_seed"] == 7


def test_a_keras_that_keeps_it_elsewhere_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    monkeypatch.delitem(sys.modules, STATE, raising=False)
    with pytest.raises(RuntimeError, match="needs Keras 3"):
        keras_state()


def test_with_the_real_keras_layers_and_draws_go_on():
    keras = pytest.importorskip("keras", minversion="3")
    keras.utils.set_random_seed(1)
    keras.layers.Dense(1)
    keras.random.normal((2,))
    state = keras_state()
    expected = keras.random.normal((2,)), keras.layers.Dense(1).name
    keras.utils.clear_session()
    restore_keras_state(state)
    again = keras.random.normal((2,)), keras.layers.Dense(1).name
    assert again[1] == expected[1] == "dense_1"
    assert list(again[0]) == list(expected[0])
