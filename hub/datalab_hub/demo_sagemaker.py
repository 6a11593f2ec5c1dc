"""``datalab up --demo-sagemaker``: click through workspaces on SageMaker without AWS.

Runs the stand-in that the tests use, beside the hub, and points the hub at it. So it works in a
checkout only. A "machine" is then a process on this one, after a few seconds in each of SageMaker's
states; everything on our side is what runs on AWS.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from traitlets.config import Config

from .errors import DatalabError

CATALOG = Path(__file__).with_name("catalog") / "demo_sagemaker.yaml"
SETTINGS = "DATALAB_DEMO_SAGEMAKER"
"""Environment variable: the platform's settings as JSON, from the supervisor to the hub."""

_FILE_SYSTEM = "fs-0123456789abcdef0"
_STEP_SECONDS = 2
_TESTS = Path(__file__).parents[2] / "tests"


@contextlib.contextmanager
def running(data_dir: Path) -> Iterator[dict[str, str]]:
    """Run the stand-in; yields what the hub's environment needs.

    Raises:
        DatalabError: this is no checkout, or moto is missing.
    """
    if not (_TESTS / "fakes" / "sagemaker").is_dir():
        raise DatalabError(
            "--demo-sagemaker needs the stand-in for AWS in tests/fakes, which comes with the "
            "source only. Use it in a checkout: make run UP=--demo-sagemaker."
        )
    if importlib.util.find_spec("moto") is None:
        raise DatalabError(
            "--demo-sagemaker needs what the tests need (moto). Install it: make .make/test."
        )
    directory = data_dir / "demo-aws"
    homes = directory / _FILE_SYSTEM / "homes"
    homes.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "fakes.sagemaker", "--directory", str(directory)),
            *("--step-seconds", str(_STEP_SECONDS)),
        ],
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C comes to us alone; the hub is to be stopped first
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise DatalabError("The stand-in for AWS did not start; its error is above.")
        yield json.loads(line) | {SETTINGS: json.dumps(_settings(homes))}
    finally:
        process.terminate()
        process.wait()


def configure_demo(c: Config) -> None:
    """Configure the platform as the supervisor says, if it runs the demo."""
    for name, value in json.loads(os.environ.get(SETTINGS, "{}")).items():
        c.SageMakerPlatform[name] = value


def _settings(homes: Path) -> dict[str, object]:
    return {
        "role_arn": "arn:aws:iam::123456789012:role/demo",
        "subnets": ["subnet-demo"],
        "security_groups": ["sg-demo"],
        "file_system_id": _FILE_SYSTEM,
        "homes_mount": str(homes),
        "output_path": "s3://demo/",
        "networks": ["127.0.0.0/8"],
        "port": 0,
        "uid": os.geteuid(),
        "poll_interval": 1.0,
        "watch_interval": 5.0,
    }
