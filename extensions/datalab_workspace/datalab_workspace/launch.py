"""The workspace's entry point: ``datalab-workspace``.

In a container it takes the place of ``jupyterhub-singleuser``: everything is in the environment.
With ``--claim-fd N`` it waits on that descriptor to be told who it is for, so that the token
never stands in an environment or a command line that others could read. ``--listener-fd N``
gives it a socket that listens already (used when a server restarts itself in safe mode).
With ``--assignment NAME`` it is a job on SageMaker and reads who it is for from the secret of
that name; see :mod:`datalab_workspace.job`.
"""

from __future__ import annotations

import socket
import sys

from . import lean


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
    from .here import announce

    announce()  # before the imports, which take a second
    from .server import run

    run(arguments, listener)


if __name__ == "__main__":
    lean.leave_working_directory()
    main()
