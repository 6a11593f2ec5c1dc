"""``datalab up --demo``: data sources to try, with nothing to set up.

Runs stand-ins beside the hub (:mod:`datalab_hub.demo_services`) and adds to the catalog what leads
there. Everything on our side is what runs in earnest: broker, minters, agent. What people write
into the demo's sources is gone when Datalab stops.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from .catalog.loading import DEFAULT_CATALOG
from .errors import DatalabError
from .instance import private_directory
from .ports import Ports

BUCKET, REGION = "datalab-demo", "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/datalab-demo"
ADVERTISED_GROUP = "pricing"
GRANTED = "sales_read"
_NEEDED = {
    "moto": "moto[server]",
    "flask": "moto[server]",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
}


@contextlib.contextmanager
def running(
    data_dir: Path, catalog: Path | None, say: Callable[[str], None] = print
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Run the stand-ins.

    Args:
        catalog: what the demo's sources are added to; the packaged one when ``None``.

    Yields:
        the catalog with the demo's sources, and what the hub's environment needs.

    Raises:
        DatalabError: a library is missing, or a stand-in does not start.
    """
    missing = sorted({of for name, of in _NEEDED.items() if not importlib.util.find_spec(name)})
    if missing:
        raise DatalabError(
            f"--demo needs {' and '.join(missing)}. In a checkout `make demo` installs it; "
            f"elsewhere: pip install {' '.join(repr(name) for name in missing)}."
        )
    directory = private_directory(data_dir / "demo")
    ports = Ports(directory / "ports.json")
    login = directory / "postgres-login"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "datalab_hub.demo_services", str(login)),
            *(str(ports.get(name)) for name in ("s3", "postgres")),
        ],
        stdin=subprocess.PIPE,  # it ends when this is closed, however that happens
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C comes to us alone; the hub is to be stopped first
        env={k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise DatalabError("The demo's stand-ins did not start; the error is above.")
        ready: dict[str, Any] = json.loads(line)
        merged = directory / "datalab.yaml"
        write_catalog(catalog or DEFAULT_CATALOG, merged, ready, login)
        say(_words(ready))
        yield merged, _environment(ready["s3"])
    finally:
        process.stdin.close()
        process.wait()


def write_catalog(base: Path, target: Path, ready: dict[str, Any], login: Path) -> None:
    """Write a catalog with the demo's sources behind its own.

    Args:
        ready: what the stand-ins said: addresses.
        login: file with the broker's login at the database.
    """
    yaml = YAML()
    content = yaml.load(base.read_text())
    for profile in content["profiles"]:
        # As for any service that is compatible with S3.
        profile.setdefault("environment", {})["AWS_ENDPOINT_URL"] = ready["s3"]
    content.setdefault("data_sources", []).extend(_sources(ready, login))
    with target.open("w") as file:
        yaml.dump(content, file)


def _sources(ready: dict[str, Any], login: Path) -> list[dict[str, Any]]:
    s3 = {"kind": "s3", "bucket": BUCKET, "role_arn": ROLE, "region": REGION}
    found: list[dict[str, Any]] = [
        {
            "name": "lake",
            "title": "Demo lake",
            "description": "Orders and customers of a made-up shop, as Parquet and CSV.",
            "prefix": "shop/",
            "access": "write",
            **s3,
        },
    ]
    if ready["postgres"]:
        database = {"host": ready["postgres"][0], "port": ready["postgres"][1]}
        found.append(
            {
                "name": "sales",
                "title": "Demo sales",
                "description": "The same orders and customers, as tables.",
                "kind": "postgres",
                **database,
                "database": "shop",
                "grants": [GRANTED],
                "secret": {"file": str(login)},
            }
        )
    found.append(
        {
            "name": "pricing",
            "title": "Demo pricing",
            "description": "What the shop pays. Shows how a source looks that is not for you.",
            "prefix": "pricing/",
            "allowed_groups": [ADVERTISED_GROUP],
            "advertised": True,
            "contact": "the pricing team",
            **s3,
        }
    )
    return found


def _environment(endpoint: str) -> dict[str, str]:
    """Return the broker's identity at the stand-in, and nothing of the person's own at AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_SESSION_TOKEN": "demo",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _words(ready: dict[str, Any]) -> str:
    lines = [
        "Demo data sources (they start afresh each time):",
        "  lake   S3, with Parquet and CSV",
    ]
    if ready["postgres"]:
        lines.append("  sales  PostgreSQL")
    else:
        lines.append("  sales  is left out: no PostgreSQL server here (apt-get install postgresql)")
    lines.append("In a notebook: import datalab; datalab.sources()")
    return "\n".join(lines)
