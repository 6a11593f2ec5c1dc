"""``datalab up --demo-sagemaker``: anybody can click through it."""

from __future__ import annotations

import json

import psutil
import pytest
from datalab_hub import demo_sagemaker
from datalab_hub.errors import DatalabError
from hubproc import Datalab, Person, until


def test_the_demo_runs_a_gpu_workspace_and_leaves_no_process_at_its_end(tmp_path):
    site = Datalab(tmp_path / "data", demo_sagemaker=True)
    try:
        site.start()
        person = Person(site)
        page = person.sign_in(site.link()).text
        assert "GPU, A10G 24 GB" in page
        progress = person.click("gpu")
        assert "spawn-pending" in str(progress.url)
        until(lambda: outcomes(site)[-1] == ("start", "ok"), 90)
        until(lambda: person.http.get(str(progress.url)).url.path.startswith("/user/"))
        helpers = site.helpers()
        assert any("--assignment" in " ".join(process.cmdline()) for process in helpers)
    finally:
        site.stop()
    assert psutil.wait_procs(helpers, timeout=20)[1] == []
    assert outcomes(site)[-1] == ("stop", "ok")


def outcomes(site: Datalab) -> list[tuple[str, str]]:
    """Return (kind, outcome) of every audit event."""
    lines = (site.data_dir / "logs" / "audit.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    return [(event["kind"], event["outcome"]) for event in events]


def test_without_a_checkout_the_demo_says_where_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_sagemaker, "_TESTS", tmp_path)
    with (
        pytest.raises(DatalabError, match="make run UP=--demo-sagemaker"),
        demo_sagemaker.running(tmp_path),
    ):
        pass
