"""The tools that build, list and check images, without an image."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from imaging import auditing, building, commands, store  # noqa: E402
from imaging.hierarchy import IMAGES_BY_NAME  # noqa: E402

VULNERABLE = "Found 1 known vulnerability in 1 package"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What pip-audit will end with and say, call by call; as seen from pip-audit 2.10."""
    coming: list[tuple[int, str]] = []

    def pip_audit(requirements: str, service: str) -> subprocess.CompletedProcess[str]:
        assert "==" in Path(requirements).read_text()
        status, said = coming.pop(0)
        return subprocess.CompletedProcess([], status, stdout="", stderr=said)

    monkeypatch.setattr(auditing, "_pip_audit", pip_audit)
    return coming


def audited(monkeypatch: pytest.MonkeyPatch, image: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tools/images", "audit", image])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_an_audit_tells_clean_from_vulnerable_from_unknown(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[tuple[int, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    known_bad = (1, VULNERABLE)
    answers[:] = [known_bad, (0, "No known vulnerabilities found")]
    assert audited(monkeypatch, "hub") == 0
    answers[:] = [known_bad, (1, VULNERABLE)]
    assert audited(monkeypatch, "hub") == 1
    capsys.readouterr()
    answers[:] = [(1, "requests.exceptions.ConnectionError: Failed to resolve 'api.osv.dev'")]
    assert audited(monkeypatch, "hub") == 3
    said = capsys.readouterr().err
    assert "(osv) cannot be reached, so nothing is known" in said
    assert "or try the other one (--service)" in said
    assert "api.osv.dev" in said


def test_a_database_that_knows_nothing_is_no_database(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[tuple[int, str]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mirror of the package index answers for every version, without vulnerabilities."""
    answers[:] = [(0, "No known vulnerabilities found")]
    assert audited(monkeypatch, "base") == 3
    assert "a mirror without that part" in capsys.readouterr().err


def test_images_are_built_side_by_side_but_after_what_they_are_built_on() -> None:
    found = [[image.name for image in ready] for ready in building.generations(_all())]
    assert found == [["hub", "base"], ["datascience"], ["gpu", "spark", "r"]]
    assert list(building.generations(_all()[3:])) == [_all()[3:]]


def _all() -> list[Any]:
    return list(IMAGES_BY_NAME.values())


def test_an_image_of_docker_is_entered_with_docker(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    with store.entered("datalab-base:0.1.0", str(program)) as run:
        printed = run("dpkg-query", "--show")
    expected = "run|--rm|--network|none|--entrypoint|dpkg-query|datalab-base:0.1.0|--show|"
    assert printed == expected


def test_docker_is_told_to_use_buildkit_and_a_failed_build_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "docker"
    program.write_text(
        '#!/bin/sh\necho "$DOCKER_BUILDKIT"; case "$*" in *datalab-hub*) exit 5;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("DATALAB_BUILDER", str(program))
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    monkeypatch.setattr(building, "_wheels", lambda: None)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        building.build(["hub", "base"], "debian:bookworm-slim", debootstrap=False, fresh=False)
    assert failed.value.returncode == 5
    assert {"hub: 1", "base: 1"} <= set(capfd.readouterr().out.splitlines())
