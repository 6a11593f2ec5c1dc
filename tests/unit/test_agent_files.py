"""The blocks that the agent keeps in a person's files."""

from __future__ import annotations

import configparser

import pytest
from datalab_workspace.agent import files
from hypothesis import given, settings
from hypothesis import strategies as st

OURS = {"profile lake": {"credential_process": "x", "region": "eu-west-1"}}


def test_a_file_is_made_for_its_owner_alone_and_goes_again(tmp_path):
    path = tmp_path / ".aws" / "config"
    assert files.keep(path, OURS) == []
    parser = configparser.RawConfigParser()
    parser.read_string(path.read_text())
    assert dict(parser["profile lake"]) == OURS["profile lake"]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    files.keep(path, {})
    assert not path.exists()


def test_nothing_is_written_for_nothing(tmp_path):
    files.keep(tmp_path / ".aws" / "config", {})
    assert not (tmp_path / ".aws").exists()


def test_an_unchanged_file_is_left_alone(tmp_path):
    path = tmp_path / "config"
    files.keep(path, OURS)
    before = path.stat().st_ino
    files.keep(path, OURS)
    assert path.stat().st_ino == before


def test_a_section_that_the_person_has_is_theirs(tmp_path):
    path = tmp_path / "config"
    path.write_text("[profile lake]\nregion=us-east-1\n")
    assert files.keep(path, OURS | {"profile b": {"region": "x"}}) == ["profile lake"]
    assert path.read_text().count("[profile lake]") == 1
    assert "[profile b]" in path.read_text()


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("[own]\na=b\n")
    (tmp_path / "config").symlink_to(tmp_path / "real")
    files.keep(tmp_path / "config", OURS)
    assert (tmp_path / "config").is_symlink()
    assert "[profile lake]" in (tmp_path / "real").read_text()


def test_a_value_of_two_lines_cannot_smuggle_a_section(tmp_path):
    with pytest.raises(ValueError, match="more than one line"):
        files.keep(tmp_path / "config", {"a": {"host": "x\n[b]"}})


@given(st.text(alphabet="[]ab=\n# ", max_size=80))
@settings(max_examples=200)
def test_what_the_person_wrote_is_never_lost(tmp_path_factory, theirs):
    path = tmp_path_factory.mktemp("files") / "config"
    path.write_text(theirs)
    files.keep(path, OURS)
    assert path.read_text().startswith(theirs)
    files.keep(path, {})
    left = path.read_text() if path.exists() else ""
    assert left.rstrip("\n") == theirs.rstrip("\n")
