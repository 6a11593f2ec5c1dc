"""JupyterHub's ``internal_ssl`` for workspaces on other machines.

JupyterHub makes a key and a certificate before a start, for names that are known then. A machine
in the cloud gets its address later. So the key goes to the workspace over the same private way as
its token, and when it says where it listens, the same key is certified again, for that address.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DatalabError

if TYPE_CHECKING:
    from jupyterhub.spawner import Spawner

_AUTHORITY = "notebooks-ca"  # JupyterHub's name for who signs workspaces' certificates
_LIFETIME = timedelta(days=30)  # a workspace lives 28 days at most
_CLOCKS_DIFFER = timedelta(minutes=10)


class NotOurs(DatalabError):
    """A certificate that this hub did not sign for this person."""


async def of_workspace(spawner: Spawner) -> dict[str, str]:
    """Return ``key``, ``cert`` and ``ca`` as PEM; nothing without ``internal_ssl``."""
    if not spawner.internal_ssl:
        return {}
    # Always fresh: the files carry the person's name, and another workspace's start replaces them.
    paths = await spawner.create_certs()
    names = {"key": "keyfile", "cert": "certfile", "ca": "cafile"}
    return {
        name: await asyncio.to_thread(Path(paths[path]).read_text) for name, path in names.items()
    }


def reissue(spawner: Spawner, certificate: str, name: str) -> str:
    """Return a certificate for the same key and person, and another address.

    Args:
        certificate: PEM of one that this hub signed for this person.
        name: ``IP:10.0.0.7`` or ``DNS:gateway``.

    Raises:
        NotOurs: somebody else's, or none.
    """
    from certipy import Certipy
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import Encoding

    certipy = Certipy(store_dir=spawner.internal_certs_location)
    files = certipy.store.get_files(_AUTHORITY)
    authority = files.cert.load()
    wanted = f"user-{spawner.user.name}"  # what `Spawner.create_certs` writes
    try:
        old = x509.load_pem_x509_certificate(certificate.encode())
        old.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise NotOurs("The certificate that was registered is not one of this hub's.") from error
    names = [str(a.value) for a in old.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if names != [wanted]:
        raise NotOurs("The certificate that was registered is another person's.")
    kind, _, value = name.partition(":")
    local: list[x509.GeneralName] = [x509.DNSName("localhost")]
    if kind == "IP":
        import ipaddress

        address: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(value))
    else:
        address = x509.DNSName(value)
    usage = x509.ExtendedKeyUsageOID
    extensions = [
        (x509.ExtendedKeyUsage([usage.SERVER_AUTH, usage.CLIENT_AUTH]), True),
        (x509.SubjectAlternativeName([*local, address]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False),
    ]
    now = datetime.now(UTC)
    signed = certipy.sign(
        old,  # as a request: it has a subject and a public key
        (authority, files.key.load()),
        (now - _CLOCKS_DIFFER, now + _LIFETIME),
        extensions=extensions,
    )
    return str(signed.public_bytes(Encoding.PEM).decode())
