"""The workspace's entry point: ``datalab-workspace``.

In a container it takes the place of ``jupyterhub-singleuser``: everything is in the environment.
With ``--claim-fd N`` it waits on that descriptor to be told who it is for, so that the token
never stands in an environment or a command line that others could read. ``--listener-fd N``
gives it a socket that listens already (used when a server restarts itself in safe mode).
With ``--assignment NAME`` it is a job on SageMaker and reads who it is for from the secret of
that name; see :mod:`datalab_workspace.job`.
"""

from __future__ import annotations

import os
import socket
import sys

from . import lean

# Of what a hub gives to every server, what it does not answer without.
_FROM_THE_HUB = ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_URL")


def main() -> None:
    """Run a workspace's server until it ends."""
    arguments = sys.argv[1:]
    option, value = [*arguments, "", ""][:2]
    if option == "--claim-fd":
        from . import claim

        claim.serve(socket.socket(fileno=int(value)))
    if option == "--assignment":
        from . import job

        job.run(value)
    listener = None
    if option == "--listener-fd":
        listener, arguments = socket.socket(fileno=int(value)), arguments[2:]
        listener.set_inheritable(False)
    _expect_a_hub()
    from .here import announce

    announce()  # before the imports, which take a second
    from .server import run

    run(arguments, listener)


def _expect_a_hub() -> None:
    """End with a sentence when nobody said whose workspace this is."""
    if missing := [name for name in _FROM_THE_HUB if not os.environ.get(name)]:
        sys.exit(
            "datalab-workspace is what a JupyterHub starts as somebody's workspace, and none has: "
            f"not in the environment: {', '.join(missing)}. Without a hub start JupyterLab itself, "
            "in a container: docker run -p 127.0.0.1:8888:8888 IMAGE jupyter lab --ip 0.0.0.0"
        )


if __name__ == "__main__":
    lean.leave_working_directory()
    main()
