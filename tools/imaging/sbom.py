"""Writes a bill of materials (CycloneDX 1.6, JSON) of what is really in an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cyclonedx.builder.this import this_component
from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from .hierarchy import Image, version
from .store import entered

# Runs in the image, with nothing but the standard library.
_PYTHON = """
import importlib.metadata, json
print(json.dumps([
    [d.metadata["Name"], d.version, d.metadata["License-Expression"] or d.metadata["License"] or "",
     d.metadata["Summary"] or ""]
    for d in importlib.metadata.distributions()
]))
"""
_DEBIAN = "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Architecture}\\t${binary:Summary}\\n"
_LICENCE_CHARS = 100  # some put the whole text there


def write(image: Image, directory: Path, program: str) -> Path:
    """Write ``<image>.cdx.json``.

    Args:
        program: that built the image: ``buildah``, or one that is called like Docker.

    Raises:
        subprocess.CalledProcessError: the image is not built, or does not run.
    """
    bom = Bom()
    bom.metadata.tools.components.add(this_component())
    bom.metadata.component = Component(
        name=f"datalab-{image.name}", version=version(), type=ComponentType.CONTAINER
    )
    with entered(image.reference, program) as run:
        for name, number, licence, summary in json.loads(run("python3", "-c", _PYTHON)):
            url = PackageURL("pypi", None, name.lower().replace("_", "-"), number)
            bom.components.add(_component(name, number, summary, url, licence))
        for line in run("dpkg-query", "--show", f"--showformat={_DEBIAN}").splitlines():
            state, name, number, architecture, summary = line.split("\t", 4)
            if state.startswith("ii"):
                url = PackageURL("deb", "debian", name, number, {"arch": architecture})
                bom.components.add(_component(name, number, summary, url))
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"datalab-{image.name}-{version()}.cdx.json"
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise RuntimeError(f"The bill of materials of {image.name} is not CycloneDX: {error}")
    target.write_text(text + "\n")
    return target


def _component(
    name: str, number: str, summary: str, url: PackageURL, licence: str = ""
) -> Component:
    short = licence.strip().splitlines()[0][:_LICENCE_CHARS] if licence.strip() else ""
    licences: list[Any] = [LicenseFactory().make_from_string(short)] if short else []
    return Component(
        name=name,
        version=number,
        type=ComponentType.LIBRARY,
        description=summary or None,
        purl=url,
        bom_ref=url.to_string(),
        licenses=licences,
    )
