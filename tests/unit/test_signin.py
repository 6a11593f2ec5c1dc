"""One-time links, passwords, uids."""

from __future__ import annotations

import stat

from datalab_hub.signin import links
from datalab_hub.signin.passwords import FailureLimit, Passwords
from datalab_hub.signin.uids import UidTable
from hypothesis import given
from hypothesis import strategies as st


def test_a_code_works_once_and_is_not_stored(tmp_path):
    code = links.mint(tmp_path, "ann")
    assert all(code not in path.name + path.read_text() for path in tmp_path.iterdir())
    assert links.redeem(tmp_path, code) == "ann"
    assert links.redeem(tmp_path, code) is None


def test_an_old_code_is_worthless(tmp_path):
    assert links.redeem(tmp_path, links.mint(tmp_path, "ann", lifetime=-1)) is None


def test_a_code_cannot_name_another_file(tmp_path):
    (tmp_path / "x").write_text('{"user": "root", "expires": 9e9}')
    assert links.redeem(tmp_path, "x") is None
    assert links.redeem(tmp_path, "../x") is None


def test_a_password_is_checked_and_kept_only_as_a_private_hash(tmp_path):
    passwords = Passwords(tmp_path / "p.json")
    password = passwords.generate("ann")
    assert passwords.check("ann", password)
    assert not passwords.check("ann", password + "x")
    assert not passwords.check("bob", password)
    assert password not in passwords.path.read_text()
    assert stat.S_IMODE(passwords.path.stat().st_mode) == 0o600
    assert passwords.remove("ann")
    assert not passwords.check("ann", password)


def test_guessing_is_slowed_and_forgiven():
    limit = FailureLimit(failures=2, within=10)
    limit.failed("ann", now=0)
    assert limit.wait("ann", now=1) == 0
    limit.failed("ann", now=1)
    assert limit.wait("ann", now=2) == 8
    assert limit.wait("bob", now=2) == 0
    assert limit.wait("ann", now=12) == 0


@given(st.lists(st.text(min_size=1, max_size=8), max_size=20))
def test_every_person_keeps_a_uid_of_their_own(people):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "uids.json"
        first = {person: UidTable(path).uid(person) for person in people}
        again = {person: UidTable(path).uid(person) for person in reversed(people)}
    assert first == again
    assert len(set(first.values())) == len(set(people))
