"""The catalog's loader."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from datalab_hub.catalog import CatalogError, load_catalog, parse_catalog
from datalab_hub.catalog.loading import DEFAULT_CATALOG
from datalab_hub.catalog.reference import render
from datalab_hub.catalog.schema import catalog_schema
from datalab_hub.catalog.units import format_duration, format_size, parse_duration, parse_size
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

FILE = Path("datalab.yaml")


def problems(text):
    with pytest.raises(CatalogError) as error:
        parse_catalog(text, FILE)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a mapping"),
        ("profiles: []", "profiles: Tuple should have at least 1 item"),
        ("profiles:\n\t- a", "not valid YAML"),
        ("profiles: [{name: a, titel: A}]", "did you mean 'title'?"),
        ("profiles: [{name: A B, title: t}]", "profiles[0].name is 'A B'"),
        ("profiles: [{name: a, title: t, image: no}]", "profiles[0].image is 'no'"),
        ("profiles: [{name: a, title: t}, {name: a, title: t}]", "profiles[0] has it"),
        ("profiles: [{name: a, title: t, idle_timeout: soon}]", "expected a duration"),
        ("profiles: [{name: a, title: t, resources: {memory: x}}]", "expected a size"),
        (
            "profiles: [{name: a, title: t, resources: {gpu: {}}}]",
            "resources.gpu.count: is missing",
        ),
        ("profiles: [{name: a, title: t, kubernetes: {}}]", "its backend is 'local'"),
        ("profiles: [{name: a, title: t, backend: sagemaker}]", "a block 'sagemaker'"),
        ("profiles: [{name: a, title: t}]\ndata_sources: [{name: a, kind: s4}]", "is 's4'"),
    ],
)
def test_each_mistake_has_its_message(text, expected):
    assert expected in problems(text)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", "expected either cluster or workgroup"),
        ("cluster: c, workgroup: www", "expected either cluster or workgroup"),
        ("workgroup: www, grants: [g]", "Redshift Serverless has no groups to join"),
    ],
)
def test_a_redshift_is_a_cluster_or_a_workgroup(rest, expected):
    role = "role_arn: 'arn:aws:iam::123456789012:role/r'"
    text = problems(
        "profiles: [{name: a, title: t}]\ndata_sources:\n"
        f"  - {{name: w, title: W, kind: redshift, host: h, database: d, {role}, {rest}}}"
    )
    assert expected in text


def test_all_problems_come_at_once_with_their_lines():
    text = problems("profiles:\n  - name: A B\n    titel: x\n    idle_timeout: soon\n")
    assert "4 problems" in text
    assert "line 2: profiles[0].name" in text
    assert "line 4: profiles[0].idle_timeout" in text


def test_an_inline_password_is_refused_and_not_repeated():
    text = problems(
        "profiles: [{name: a, title: t}]\n"
        "data_sources: [{name: a, title: t, kind: http, url: 'https://h', password: hunter2}]"
    )
    assert "looks like a secret" in text
    assert "hunter2" not in text


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["profiles", "images", "name", "title", "kind", "resources"])
            | st.text(max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(junk)
def test_no_structure_raises_anything_but_a_catalog_error(data):
    from io import StringIO

    text = StringIO()
    YAML(typ="safe", pure=True).dump(data, text)
    try:
        parse_catalog(text.getvalue(), FILE)
    except CatalogError as error:
        assert error.problems


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(junk)
def test_no_structure_of_thousands_raises_anything_but_a_catalog_error(data):
    test_no_structure_raises_anything_but_a_catalog_error.hypothesis.inner_test(data)


@given(st.text())
def test_no_text_raises_anything_but_a_catalog_error(text):
    try:
        parse_catalog(text, FILE)
    except CatalogError as error:
        assert error.problems


@given(st.integers(1, 2**60))
def test_sizes_survive_a_round_trip(size):
    assert parse_size(format_size(size)) == size


@given(st.integers(1, 10**7))
def test_durations_survive_a_round_trip(seconds):
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.sets(st.sampled_from(["a", "b", "c"])))
def test_nobody_is_offered_a_profile_of_a_group_they_are_not_in(groups):
    catalog = parse_catalog(
        "profiles: [{name: a, title: A, allowed_groups: [a]}, {name: all, title: All}]", FILE
    )
    names = {profile.name for profile in catalog.profiles_for(groups)}
    assert names == ({"a", "all"} if "a" in groups else {"all"})


def test_the_default_catalog_fits_the_schema_and_a_broken_one_does_not():
    data = YAML(typ="safe", pure=True).load(DEFAULT_CATALOG.read_text())
    jsonschema.validate(data, catalog_schema())
    assert len(load_catalog().profiles) >= 3
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"profiles": [{"name": "a"}]}, catalog_schema())


def test_the_reference_page_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "reference" / "catalog.md"
    assert page.read_text() == render(), "run `make docs-reference`"
