"""The images' definitions agree with each other, with the chart and with the docs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from imaging.hierarchy import IMAGES_BY_NAME, Image, ancestors, version  # noqa: E402
from imaging.listing import installed, listing, locked, reference  # noqa: E402

each_image = pytest.mark.parametrize("image", IMAGES_BY_NAME.values(), ids=lambda image: image.name)


@each_image
def test_lists_for_people_are_what_the_locks_say(image: Image) -> None:
    assert (image.directory / "packages.txt").read_text() == listing(image)


def test_the_documentation_names_what_is_in_the_images() -> None:
    assert (ROOT / "docs/reference/images.md").read_text() == reference()


@pytest.mark.parametrize("lock", sorted((ROOT / "images").rglob("requirements.txt")), ids=str)
def test_locks_have_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) > 1
    for entry in entries:
        assert re.match(r"[a-z0-9._\[\]-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


@each_image
def test_no_image_changes_what_is_below_it(image: Image) -> None:
    layers = [locked(d / "requirements.txt") for one in ancestors(image.name) for d in one.locks]
    for number, upper in enumerate(layers):
        for lower in layers[:number]:
            common = upper.keys() & lower.keys()
            assert {name: upper[name] for name in common} == {name: lower[name] for name in common}


@each_image
def test_dockerfiles_are_built_on_this_release(image: Image) -> None:
    text = (image.directory / "Dockerfile").read_text()
    parent = IMAGES_BY_NAME[image.parent].reference if image.parent else "debian:bookworm-slim"
    assert f"ARG BASE_IMAGE={parent}\n" in text
    assert text.rstrip().splitlines()[-1] == "USER 1000:1000" or "\nUSER 1000:1000\n" in text


def test_the_chart_names_images_that_are_built_here() -> None:
    values = YAML(typ="safe").load(ROOT / "helm/datalab/values.yaml")
    built = {image.reference for image in IMAGES_BY_NAME.values()}
    hub = values["jupyterhub"]["hub"]["image"]
    single = values["jupyterhub"]["singleuser"]["image"]
    named = {f"{image['name']}:{image['tag']}" for image in (hub, single)}
    named |= {image["reference"] for image in values["catalog"]["images"].values()}
    assert named <= built
    assert hub["tag"] == version()


def test_workspaces_have_what_ours_need() -> None:
    """Our wheels are installed without looking at what they depend on."""
    base = installed(IMAGES_BY_NAME["base"])
    for name in ("jupyter-server", "jupyterhub", "jupyterlab", "pyyaml", "boto3", "cloudpickle"):
        assert name in base
