"""Variables that belong together come back as they were: what shares memory shares it still."""

import pickle

import numpy
import pandas
import pytest
from datalab_pipelines.carrying import Together, kept
from datalab_pipelines.errors import ArtifactError
from hypothesis import given
from hypothesis import strategies as st


class Some(Together):
    a: object
    b: object
    c: object


def again(**variables):
    return pickle.loads(pickle.dumps(Some(**variables)))


VIEWS = {
    "a row": lambda a: a[1],
    "a column": lambda a: a[:, 2],
    "backwards": lambda a: a[::-1, ::-2],
    "turned": lambda a: a.T,
    "flat": lambda a: a.reshape(-1),
    "as bytes": lambda a: a.view("u1"),
    "all": lambda a: a[...],
    "of a view": lambda a: a[1:][:, 1:].T[0],
}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("look", VIEWS)
def test_a_view_is_one_in_the_next_stage(look, order):
    a = numpy.array(numpy.arange(12.0).reshape(3, 4), order="C")
    if order == "F":
        a = numpy.asfortranarray(a)
        if look in ("as bytes", "flat"):
            return  # copies, or refused by numpy
    found = again(a=a, b=VIEWS[look](a), c=a.copy())
    assert numpy.array_equal(found.a, a)
    assert numpy.array_equal(found.b, VIEWS[look](a))
    assert numpy.shares_memory(found.a, found.b)
    assert not numpy.shares_memory(found.a, found.c)
    twice = again(a=found.a, b=found.b)
    twice.a[...] = 7
    assert numpy.array_equal(twice.b, VIEWS[look](twice.a))


def test_views_of_an_array_that_nobody_names_share_it_still():
    whole = numpy.arange(6)
    found = again(a=whole[:4], b=whole[2:])
    found.a[3] = 50
    assert found.b.tolist() == [2, 50, 4, 5]


def test_a_view_that_cannot_be_written_to_cannot_be_afterwards():
    a = numpy.arange(4)
    b = a[1:]
    b.flags.writeable = False
    found = again(a=a, b=b)
    found.a[1] = 9
    assert found.b[0] == 9
    assert not found.b.flags.writeable


@given(st.lists(st.slices(6), min_size=2, max_size=2), st.slices(6))
def test_any_two_slices_change_together_as_before(slices, change):
    whole = numpy.arange(6)
    parts = [whole[one] for one in slices]
    found = again(a=parts[0], b=parts[1])
    parts[0][: len(parts[0][change])] = -1
    found.a[: len(found.a[change])] = -1
    assert found.b.tolist() == parts[1].tolist()


def test_what_is_no_arrays_memory_is_refused():
    memory = bytearray(8)
    with pytest.raises(ArtifactError, match="share memory"):
        again(a=numpy.frombuffer(memory, "u1"), b=numpy.frombuffer(memory, "u2"))
    objects = numpy.zeros(2, dtype=[("x", object), ("y", int)])
    with pytest.raises(ArtifactError, match="share memory"):
        again(a=objects, b=objects["x"])


@pytest.mark.parametrize("look", sorted(set(VIEWS) - {"as bytes"}))
def test_a_view_of_objects_is_one_in_the_next_stage(look):
    a = numpy.array([[[row, column] for column in "abc"] + [0] for row in range(3)], dtype=object)
    assert a.shape == (3, 4)
    found = again(a=a, b=VIEWS[look](a), c=a[0, 0])
    assert found.c is found.a[0, 0]
    assert numpy.array_equal(found.b, VIEWS[look](a))
    found.a[...] = 7
    assert (found.b == 7).all()


def test_what_came_from_a_file_goes_on_as_it_came():
    a = pickle.loads(pickle.dumps(numpy.arange(5.0), protocol=5))
    found = again(a=a, b=a[1:])
    found.a[1] = 9
    assert found.b[0] == 9


def test_an_index_that_two_tables_have_is_no_reason_against_a_stage():
    one = pandas.DataFrame({"x": [1], "y": [2]})
    found = again(a=one.columns, b=pandas.Series([1, 2], index=one.columns), c=one)
    assert list(found.b.index) == ["x", "y"]


def test_variables_that_are_each_their_own_file_must_not_share():
    a = numpy.arange(3)
    with pytest.raises(ArtifactError, match="share memory"):
        kept("one", {"a": a, "b": a[1:]}, "a", "b")
