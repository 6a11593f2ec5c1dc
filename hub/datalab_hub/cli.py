"""The ``datalab`` command."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import __version__
from .errors import DatalabError
from .gateway import options as gateway_options

DEFAULT_PORT = 8000


def default_data_dir() -> Path:
    """Return where Datalab keeps its state: the person's data directory, root's in ``/var/lib``."""
    from platformdirs import user_data_path

    return Path("/var/lib/datalab") if os.geteuid() == 0 else user_data_path("datalab")


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit status: 0 well, 1 an error that is explained, 2 usage."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.command(arguments)
        return status
    except DatalabError as error:
        print(f"datalab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="datalab",
        description="A JupyterHub workspace platform: pick a card, be in JupyterLab.",
        epilog="Start with: datalab up",
    )
    parser.add_argument("--version", action="version", version=f"datalab {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    data_dir = argparse.ArgumentParser(add_help=False)
    data_dir.add_argument(
        "--data-dir",
        type=Path,
        default=default_data_dir(),
        help="where Datalab keeps its state: database, homes, logs (default: %(default)s)",
    )

    up = commands.add_parser("up", parents=[data_dir], help="start Datalab on this machine")
    up.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    up.add_argument("--catalog", type=Path, help="YAML file with profiles (default: packaged one)")
    up.add_argument(
        "--keep-workspaces",
        action="store_true",
        help="leave workspaces running when Datalab stops; the next start finds them again",
    )
    demo = up.add_mutually_exclusive_group()
    demo.add_argument(
        "--demo",
        action="store_true",
        help="add data sources to try: stand-ins for S3 and PostgreSQL on this machine",
    )
    demo.add_argument(
        "--demo-sagemaker",
        action="store_true",
        help="show workspaces on SageMaker with a stand-in for AWS (in a checkout only)",
    )
    up.set_defaults(command=_up)

    check = commands.add_parser("check", help="say everything that is wrong with a catalog")
    check.add_argument("catalog", type=Path, metavar="CATALOG", help="YAML file")
    check.set_defaults(command=_check)

    link = commands.add_parser(
        "link", parents=[data_dir], help="print a fresh sign-in link for the running Datalab"
    )
    link.set_defaults(command=_link)

    offboard = commands.add_parser(
        "offboard",
        parents=[data_dir],
        help="a person leaves: stop workspaces, delete the account, decide about the home",
        description="Says what it would do; with --apply it does it.",
    )
    offboard.add_argument("name", metavar="USER")
    offboard.add_argument(
        "--home",
        default="keep",
        metavar="keep|remove|give:OTHER",
        help="what becomes of the home (default: %(default)s)",
    )
    offboard.add_argument("--apply", action="store_true", help="do it")
    offboard.set_defaults(command=_offboard)

    orphans = commands.add_parser(
        "orphans",
        parents=[data_dir],
        help="what is on the platforms and belongs to nobody",
        description="Says what there is; with --apply it is removed. Homes stay, unless "
        "--remove-data is given too. Elsewhere than on the hub's machine: --url, and a token in "
        "DATALAB_TOKEN.",
    )
    orphans.add_argument("--url", help="of the hub, ending in /hub (default: the local one)")
    orphans.add_argument("--apply", action="store_true", help="remove them")
    orphans.add_argument("--remove-data", action="store_true", help="also those with data: homes")
    orphans.add_argument("--older-than", metavar="AGE", help="leave younger ones alone: 30m, 7d")
    orphans.set_defaults(command=_orphans)

    doctor = commands.add_parser(
        "doctor",
        help="look at a Kubernetes cluster before people do, and say what to fix",
        description="Says what is well and what is not. Exit status 1 when something is not.",
    )
    doctor.add_argument("catalog", type=Path, metavar="CATALOG", help="YAML file")
    doctor.add_argument("--kubeconfig", help="default: inside a pod its account, else yours")
    doctor.add_argument("--context", help="of the kubeconfig")
    doctor.add_argument("--namespace", help="of the workspaces")
    doctor.add_argument("--storage-class", help="of the homes")
    doctor.add_argument("--hub-url", help="of the hub as pods reach it: http://hub:8081/hub")
    doctor.add_argument("--no-probe", action="store_true", help="start no pods")
    doctor.set_defaults(command=_doctor)

    gateway = commands.add_parser(
        "gateway",
        help="let workspaces that nobody can connect to dial in (SageMaker's tunnel)",
        description="Runs beside the hub. Needs JUPYTERHUB_API_URL, and in JUPYTERHUB_API_TOKEN "
        "the token of the service datalab-gateway.",
    )
    gateway_options.add_to(gateway)
    gateway.set_defaults(command=_gateway)

    user = commands.add_parser("user", help="further people on this machine (needs root)")
    actions = user.add_subparsers(required=True, metavar="ACTION")
    for name, text in {
        "add": "give a person a new password and print it",
        "remove": "take a person's password away",
    }.items():
        action = actions.add_parser(name, parents=[data_dir], help=text)
        action.add_argument("name", metavar="NAME")
        action.set_defaults(command=_add_user if name == "add" else _remove_user)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    from .supervisor import Supervisor

    return Supervisor(
        arguments.data_dir.absolute(),
        arguments.port,
        arguments.catalog,
        keep_workspaces=arguments.keep_workspaces,
        demo=arguments.demo,
        demo_sagemaker=arguments.demo_sagemaker,
        say=lambda text: print(text, flush=True),
    ).run()


def _gateway(arguments: argparse.Namespace) -> int:
    from .gateway.__main__ import run

    return run(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from .catalog import load_catalog

    catalog = load_catalog(arguments.catalog)
    print(
        f"{arguments.catalog}: fine ({len(catalog.profiles)} profiles, "
        f"{len(catalog.images)} images, {len(catalog.data_sources)} data sources)"
    )
    return 0


def _link(arguments: argparse.Namespace) -> int:
    from .supervisor import sign_in_link

    print(sign_in_link(arguments.data_dir, running_port(arguments.data_dir)))
    return 0


def running_port(data_dir: Path) -> int:
    """Return the port of the Datalab that uses this data directory.

    Raises:
        DatalabError: it was never started.
    """
    try:
        return int((data_dir / "run" / "port").read_text())
    except (OSError, ValueError):
        raise DatalabError(
            f"No Datalab has been started with {data_dir}. Start it with: datalab up; or name "
            "the right directory with --data-dir."
        ) from None


def _offboard(arguments: argparse.Namespace) -> int:
    from .instance import operator_token
    from .offboard import HomeFate, Offboarding
    from .ports import LOOPBACK

    try:
        fate = HomeFate.parse(arguments.home)
    except ValueError as error:
        raise DatalabError(f"--home {error}") from None
    data_dir = arguments.data_dir.absolute()
    api_url = f"http://{LOOPBACK}:{running_port(data_dir)}/hub/api"
    offboarding = Offboarding(
        arguments.name.lower(), data_dir, api_url, operator_token(data_dir), fate
    )
    for step in offboarding.plan():
        print(f"  {step}")
    if not arguments.apply:
        print("Nothing has been changed. Add --apply to do it.")
        return 0
    offboarding.apply()
    print("Done. If people sign in through an identity provider, remove them there as well.")
    return 0


def _orphans(arguments: argparse.Namespace) -> int:
    from .instance import operator_token
    from .orphans import find_orphans
    from .ports import LOOPBACK

    data_dir = arguments.data_dir.absolute()
    if arguments.url:
        url, token = arguments.url, os.environ.get("DATALAB_TOKEN", "")
    else:
        url = f"http://{LOOPBACK}:{running_port(data_dir)}/hub"
        token = operator_token(data_dir)
    lines = list(
        find_orphans(
            url,
            token,
            apply=arguments.apply,
            remove_data=arguments.remove_data,
            older_than=arguments.older_than,
        )
    )
    for line in lines:
        print(f"  {line}")
    if not lines:
        print("Everything has an owner.")
    elif not arguments.apply:
        print("Nothing has been changed. Add --apply to do it.")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    import asyncio

    from .catalog import load_catalog
    from .spawner.kubernetes.cluster import Cluster
    from .spawner.kubernetes.configuration import load_configuration
    from .spawner.kubernetes.doctor import Doctor

    catalog = load_catalog(arguments.catalog)

    async def examine() -> int:
        settings, namespace = await load_configuration(arguments.kubeconfig, arguments.context)
        cluster = Cluster(
            settings, arguments.namespace or namespace or "default", timeout=10, patience=5
        )
        status = 0
        try:
            doctor = Doctor(cluster, catalog, arguments.storage_class, arguments.hub_url)
            async for check in doctor.examine(probe=not arguments.no_probe):
                print(check, flush=True)
                status = max(status, int(check.well is False))
        finally:
            await cluster.close()
        return status

    return asyncio.run(examine())


def _add_user(arguments: argparse.Namespace) -> int:
    from .signin.passwords import Passwords
    from .signin.uids import multi_person_obstacle

    if obstacle := multi_person_obstacle(arguments.data_dir.absolute()):
        raise DatalabError(obstacle)
    name = arguments.name.lower()
    running_port(arguments.data_dir)
    password = Passwords(arguments.data_dir / "hub" / "passwords.json").generate(name)
    print(f"{name} signs in with this password; it is shown only now:\n\n  {password}\n")
    return 0


def _remove_user(arguments: argparse.Namespace) -> int:
    from .signin.passwords import Passwords

    name = arguments.name.lower()
    if not Passwords(arguments.data_dir / "hub" / "passwords.json").remove(name):
        raise DatalabError(f"{name} has no password here.")
    print(f"{name} cannot sign in any more. Running workspaces go on until they are stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
