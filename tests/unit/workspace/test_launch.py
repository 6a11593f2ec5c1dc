"""The entry point says in a sentence what it needs and does not have."""

from __future__ import annotations

import subprocess
import sys


def test_without_a_hub_it_says_what_is_missing_and_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "datalab_workspace.launch"],
        env={"JUPYTERHUB_API_TOKEN": "of-a-test"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "not in the environment: JUPYTERHUB_API_URL, JUPYTERHUB_SERVICE_URL." in done.stderr
    assert "jupyter lab --ip 0.0.0.0" in done.stderr
    assert "Traceback" not in done.stderr
