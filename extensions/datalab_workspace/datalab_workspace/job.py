"""A workspace that is a SageMaker training job: from a container that knows nobody to a server.

In this order, so that whatever goes wrong ends the job and says why:

1. Read the assignment (token, environment, registration secret) from Secrets Manager.
2. Take the home, listen, and become the person's uid.
3. Register with the hub: here I am, under this address.
4. Dial out to the gateway, where nobody can connect to a job.
5. Run the server.

A job that nobody answers ends itself after ``patience`` seconds: an orphan costs minutes, not
weeks. What the person should read goes to ``/opt/ml/output/failure``, whose first part SageMaker
shows as ``FailureReason``.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

from . import wire
from .assignment import BadAssignment, NotYet, fetch
from .certificates import Certificates
from .grace import STOP_GRACE
from .registration import RegistrationRefused, Unanswered, address_towards, register

ML_ROOT = "/opt/ml"
ML_PREFIX = "DATALAB_ML_PREFIX"
"""Environment variable: where ``/opt/ml`` is, if elsewhere (a test, another runtime)."""
PATIENCE = "DATALAB_PATIENCE"
"""Environment variable: seconds to wait for an assignment. The hub sets it in the job."""

_DEFAULT_PATIENCE = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds between tries
_BACKLOG = 128
_REASON_CHARS = 1000  # SageMaker keeps 1024

_OF_IMAGE = ("PATH", "LANG", "LD_LIBRARY_PATH", "CUDA_VERSION", "NVIDIA_VISIBLE_DEVICES")
# Of an image with a certificate authority of the house; a profile may know another.
_AUTHORITIES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"),
    *("GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"),
)

T = TypeVar("T")
Serve = Callable[[list[str], socket.socket], None]


class JobFailed(Exception):
    """The workspace cannot run; the text is for the person."""


class FailureFile:
    """Where SageMaker looks for the reason of a failure.

    Args:
        root: the container's ``/opt/ml``.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "output" / "failure"

    def hand_over(self, uid: int, gid: int) -> None:
        """Let another uid write it: after ``setuid`` this process may no longer create it."""
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            os.chown(self.path, uid, gid)

    def write(self, reason: str) -> None:
        """Write the reason."""
        with self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(reason[:_REASON_CHARS])

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            print(f"datalab-workspace: cannot write {self.path}: {error}", file=sys.stderr)


def run(secret_name: str, serve: Serve | None = None) -> NoReturn:
    """Be the workspace that the secret of this name describes, to its end.

    Args:
        serve: runs a server with these arguments on a socket that listens already; the
            single-user server when ``None``.
    """
    root = Path(os.environ.get(ML_PREFIX, ML_ROOT))
    failure = FailureFile(root)
    try:
        argv, listener = _prepare(secret_name, root, failure)
        (serve or _server())(argv, listener)
    except (JobFailed, BadAssignment, RegistrationRefused) as error:
        _fail(failure, str(error))
    except SystemExit as end:
        if end.code in (None, 0):
            raise
        _fail(failure, f"The workspace's server ended with status {end.code}.")
    except Exception as error:  # noqa: BLE001  # whatever it is: SageMaker has to be told
        traceback.print_exc()
        _fail(failure, f"The workspace's server ended: {type(error).__name__}: {error}")
    sys.exit(0)


def _server() -> Serve:
    from .server import run

    return run


def _prepare(secret_name: str, root: Path, failure: FailureFile) -> tuple[list[str], socket.socket]:
    patience = float(os.environ.get(PATIENCE, _DEFAULT_PATIENCE))
    assignment = keep_trying(
        lambda: fetch(secret_name),
        patience,
        f"No assignment for this workspace appeared within {patience:.0f} seconds "
        f"(secret {secret_name}): its start was cancelled, or the execution role may not read it.",
    )
    known_as = os.environ.get("TRAINING_JOB_NAME", assignment.job)
    if known_as != assignment.job:
        raise JobFailed(f"The assignment is for {assignment.job}, but this job is {known_as}.")
    home = _home(assignment.home, root)
    listener = _listen(assignment.port, "127.0.0.1" if assignment.tunnel else "0.0.0.0")
    _become(assignment, home, failure)
    certificates = Certificates.of(assignment)
    keep_trying(
        lambda: _register(assignment, listener, certificates),
        assignment.patience,
        f"Datalab did not answer this workspace within {assignment.patience:.0f} seconds "
        f"({assignment.register_url}).",
    )
    if assignment.tunnel:
        _dial_out(assignment, listener.getsockname()[1])
    return assignment.argv, listener


def _register(
    assignment: wire.Assignment, listener: socket.socket, certificates: Certificates | None
) -> None:
    ip, port = address_towards(assignment.register_url), listener.getsockname()[1]
    message = wire.Register(
        job=assignment.job,
        secret=assignment.secret,
        ip=ip,
        port=port,
        transport="tunnel" if assignment.tunnel else "direct",
        certificate=assignment.tls.get("cert", ""),
    )
    token = assignment.env["JUPYTERHUB_API_TOKEN"]
    context = certificates.context() if certificates else None
    answer = register(assignment.register_url, message, token, context)
    if certificates:
        certificates.replace(answer.certificate)
    print(f"datalab-workspace: registered as {ip}:{port}", flush=True)


def _dial_out(assignment: wire.Assignment, port: int) -> None:
    """Open the tunnel, in a process beside the server.

    Raises:
        JobFailed: the image cannot.
    """
    try:
        from .tunnel import client
    except ImportError as error:
        raise JobFailed(
            f"The image has no {error.name}, which a workspace behind a tunnel needs. Install "
            "datalab-workspace[sagemaker] in the image."
        ) from error
    client.start(
        client.Way(assignment.tunnel, assignment.job, assignment.secret, port),
    )


def keep_trying(attempt: Callable[[], T], patience: float, given_up: str) -> T:
    """Return what an attempt returns, trying again while nobody answers.

    Raises:
        JobFailed: with ``given_up`` and the last cause, when patience is at its end.
    """
    deadline = time.monotonic() + patience
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except (NotYet, Unanswered) as cause:
            if time.monotonic() + pause > deadline:
                raise JobFailed(f"{given_up} Last answer: {cause}.") from cause
            print(f"datalab-workspace: waiting ({cause})", file=sys.stderr, flush=True)
            time.sleep(pause * random.uniform(0.7, 1.3))  # not all at once after a hub's restart
            pause = min(_LONGEST_PAUSE, pause * 1.5)


def _home(path: str, root: Path) -> Path:
    """Return the home, with ``/opt/ml`` where it really is.

    Raises:
        JobFailed: it is not there.
    """
    home = Path(path)
    if home.is_relative_to(ML_ROOT):
        home = root / home.relative_to(ML_ROOT)
    if not home.is_dir():
        raise JobFailed(f"The home directory is not mounted at {path}.")
    return home


def _listen(port: int, host: str) -> socket.socket:
    """Return a listening socket: connections queue in it until the server runs."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise JobFailed(f"Port {port} is taken in the container: {error.strerror}.") from error
    listener.listen(_BACKLOG)
    return listener


def _become(assignment: wire.Assignment, home: Path, failure: FailureFile) -> None:
    """Become the person's workspace: uid, environment, working directory.

    Raises:
        JobFailed: the home is not this uid's to enter.
    """
    from . import claim

    uid = assignment.uid if os.geteuid() == 0 else None
    gid = assignment.gid if assignment.gid is not None else assignment.uid
    if uid is not None and gid is not None:
        failure.hand_over(uid, gid)
    # What the image sets for every process in it, the hub cannot know.
    of_image = {name: os.environ[name] for name in _OF_IMAGE if name in os.environ}
    authorities = {name: os.environ[name] for name in _AUTHORITIES if name in os.environ}
    env = {**authorities, **assignment.env, **of_image, "HOME": str(home)}
    if assignment.stop_grace is not None:
        env[STOP_GRACE] = str(assignment.stop_grace)
    # Of the platform's own variables none remains: the execution role's credentials are not the
    # person's (data sources come from the broker).
    argv = assignment.argv
    if os.geteuid() == 0 and not uid:
        argv.append("--allow-root")
    log = os.dup(2)
    try:
        claim.become(
            wire.Claim(
                key=assignment.job,
                env=env,
                argv=argv,
                home=str(home),
                uid=uid,
                gid=gid,
                name=assignment.name,
            ),
            log,
        )
    except PermissionError as error:
        raise JobFailed(
            f"The home directory {home} cannot be entered by uid {uid}: {error.strerror}. "
            "The operator has to give it to that uid."
        ) from error


def _fail(failure: FailureFile, reason: str) -> NoReturn:
    print(f"datalab-workspace: {reason}", file=sys.stderr, flush=True)
    failure.write(reason)
    sys.exit(1)
