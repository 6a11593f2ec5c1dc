"""The broker: who may use which data source, and short-lived credentials for it.

Two processes. *In the hub*, :mod:`introspect` tells the broker which workspace a token belongs to
and which runs live; nobody else may ask. *The broker* (:mod:`app`, a JupyterHub service with a
process of its own and no API scope at all) decides, mints, limits, audits and revokes.
"""

from .setup import SERVICE, CredentialBroker, install

__all__ = ["SERVICE", "CredentialBroker", "install"]
