"""The command line of ``tools/images``."""

from __future__ import annotations

import argparse
import subprocess
import sys

from .hierarchy import IMAGES_BY_NAME, ROOT

# Status of an audit that could ask nobody; 1: vulnerabilities, 2: a wrong command line.
_UNKNOWN = 3


def main() -> None:
    """Run one command; a problem that has a name ends it with a sentence."""
    parser = argparse.ArgumentParser(prog="tools/images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    build = _command(commands, "build", "build images, and first what they are built on")
    build.add_argument("--base", help="the Debian below everything; else the Dockerfiles' own")
    build.add_argument("--debootstrap", action="store_true", help="make that Debian here")
    build.add_argument("--fresh", action="store_true", help="use nothing of an earlier build")

    lock = commands.add_parser("lock", help="renew the locks from requirements.in")
    lock.add_argument("--upgrade", action="store_true", help="the newest of everything")

    sbom = _command(commands, "sbom", "write what is in built images to dist/sbom, as CycloneDX")
    sbom.add_argument("--base", help=argparse.SUPPRESS)  # as for build, where it tells nothing
    sbom.add_argument("--debootstrap", action="store_true", help="of images built so, with buildah")
    commands.add_parser("sizes", help="renew docs/reference/image-sizes.md from built images")

    audit = _command(commands, "audit", "ask for known vulnerabilities of what the locks name")
    audit.add_argument("--service", choices=["osv", "pypi"], default="osv")

    arguments = parser.parse_args()
    try:
        _RUN[arguments.command](arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(f"tools/images: {error.cmd[0]} ended with status {error.returncode}.")


def _command(commands: argparse._SubParsersAction, name: str, help: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(IMAGES_BY_NAME))
    return parser


def _names(arguments: argparse.Namespace) -> list[str]:
    for name in arguments.names:
        if name not in IMAGES_BY_NAME:
            sys.exit(f"tools/images: no image {name!r}; there are {', '.join(IMAGES_BY_NAME)}.")
    return arguments.names or [*IMAGES_BY_NAME]


def _build(arguments: argparse.Namespace) -> None:
    from .building import CannotBuild, build

    options = {"debootstrap": arguments.debootstrap, "fresh": arguments.fresh}
    try:
        build(_names(arguments), arguments.base, **options)
    except CannotBuild as error:
        sys.exit(f"tools/images: {error}")


def _lock(arguments: argparse.Namespace) -> None:
    from .locking import lock

    lock(arguments.upgrade)


def _sbom(arguments: argparse.Namespace) -> None:
    from .building import CannotBuild, builder_of
    from .sbom import write

    names = _names(arguments)
    try:
        program = builder_of(debootstrap=arguments.debootstrap)
    except CannotBuild as error:
        sys.exit(f"tools/images: {error}")
    for name in names:
        print(write(IMAGES_BY_NAME[name], ROOT / "dist/sbom", program))


def _sizes(arguments: argparse.Namespace) -> None:
    from .sizes import TARGET, report

    TARGET.write_text(report())


def _audit(arguments: argparse.Namespace) -> None:
    from .auditing import NoDatabase, audit

    clean = True
    for name in _names(arguments):
        print(f"datalab-{name}:", flush=True)
        try:
            clean &= audit(IMAGES_BY_NAME[name], arguments.service)
        except NoDatabase as error:
            print(f"tools/images: {error}", file=sys.stderr)
            sys.exit(_UNKNOWN)
    sys.exit(0 if clean else 1)


_RUN = {"build": _build, "lock": _lock, "sbom": _sbom, "sizes": _sizes, "audit": _audit}
