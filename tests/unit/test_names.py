"""Names on platforms."""

from __future__ import annotations

import re

from datalab_hub.spawner.names import path_name, workspace_key
from hypothesis import given
from hypothesis import strategies as st

people = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/"), min_size=1)


@given(people, people, people, people)
def test_two_workspaces_never_share_a_key(user, server, other_user, other_server):
    same = (user, server) == (other_user, other_server)
    assert (workspace_key(user, server) == workspace_key(other_user, other_server)) == same


@given(people, people)
def test_a_key_is_a_dns_label(user, server):
    key = workspace_key(user, server)
    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])", key)
    assert len(key) <= 50


@given(people, people)
def test_two_people_never_share_a_home(user, other):
    assert (path_name(user) == path_name(other)) == (user == other)


@given(people)
def test_a_home_is_one_safe_path_component(user):
    name = path_name(user)
    assert "/" not in name
    assert "\0" not in name
    assert not name.startswith(".")
    assert len(name.encode()) < 250


def test_ordinary_names_stay_readable():
    assert path_name("ann.smith") == "ann.smith"
    assert workspace_key("ann", "").startswith("dl-ann-")
