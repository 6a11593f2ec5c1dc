"""A job's part of JupyterHub's ``internal_ssl``: a key of its own, in memory and nowhere else.

JupyterHub's server reads its key and certificates from files that the environment names. Here
these are in a directory that only this uid can enter, on ``/dev/shm`` where there is one: a home
on a file server, or a disk that outlives the job, is no place for a key.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path

from . import wire

_MEMORY = Path("/dev/shm")
_VARIABLES = {
    "key": "JUPYTERHUB_SSL_KEYFILE",
    "cert": "JUPYTERHUB_SSL_CERTFILE",
    "ca": "JUPYTERHUB_SSL_CLIENT_CA",
}


class Certificates:
    """Key, certificate and authority as files, and named in the environment.

    Args:
        pem: ``key``, ``cert`` and ``ca``.
    """

    def __init__(self, pem: dict[str, str]) -> None:
        parent = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self.directory = Path(tempfile.mkdtemp(prefix="datalab-tls-", dir=parent))
        for name, variable in _VARIABLES.items():
            self._write(name, pem[name])
            os.environ[variable] = str(self.path(name))

    @classmethod
    def of(cls, assignment: wire.Assignment) -> Certificates | None:
        """Write down what an assignment brings, if it does. Call it as the person's uid."""
        return cls(assignment.tls) if assignment.tls else None

    def path(self, name: str) -> Path:
        """Return the file of ``key``, ``cert`` or ``ca``."""
        return self.directory / f"{name}.pem"

    def replace(self, certificate: str) -> None:
        """Take the certificate that says where this workspace is."""
        self._write("cert", certificate)

    def context(self) -> ssl.SSLContext:
        """Return what the hub is spoken to with: both sides show a certificate."""
        context = ssl.create_default_context(cafile=str(self.path("ca")))
        context.load_cert_chain(self.path("cert"), self.path("key"))
        return context

    def _write(self, name: str, text: str) -> None:
        partial = self.directory / f"{name}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        partial.replace(self.path(name))
