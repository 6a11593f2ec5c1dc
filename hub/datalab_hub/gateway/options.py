"""The options of ``datalab gateway``."""

from __future__ import annotations

import argparse


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add them to a parser."""
    parser.add_argument(
        "--listen",
        default="127.0.0.1:8082",
        metavar="ADDRESS:PORT",
        help="where workspaces dial in (default: %(default)s)",
    )
    parser.add_argument(
        "--proxy-side",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where the proxy connects, on the ports that the hub names (default: %(default)s)",
    )
