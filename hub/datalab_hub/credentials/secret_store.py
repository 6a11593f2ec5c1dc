"""Fetch a secret that the catalog refers to: file, AWS Secrets Manager, Kubernetes Secret."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import stat
from pathlib import Path
from typing import Any

import aiohttp

from ..catalog.sources import SecretReference
from .problems import MintFailed

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def fetch(reference: SecretReference) -> str:
    """Return a secret's text, without a trailing newline.

    Raises:
        MintFailed: it cannot be read; the message names the reference, never the secret.
    """
    if reference.file is not None:
        return await asyncio.to_thread(_from_file, Path(reference.file))
    if reference.secrets_manager is not None:
        return await asyncio.to_thread(_from_secrets_manager, reference.secrets_manager)
    assert reference.kubernetes is not None
    return await _from_kubernetes(reference.kubernetes)


async def login(reference: SecretReference) -> tuple[str, str]:
    """Return (name, password) from a secret: JSON as in Secrets Manager, or ``name:password``.

    In JSON the names are ``username`` and ``password``, or ``client_id`` and ``client_secret``.

    Raises:
        MintFailed: it cannot be read, or is neither.
    """
    text = await fetch(reference)
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = {}
        for name, password in (("username", "password"), ("client_id", "client_secret")):
            if isinstance(found.get(name), str) and isinstance(found.get(password), str):
                return found[name], found[password]
    elif ":" in text:
        name, _, password = text.partition(":")
        return name, password
    raise _failed(
        "has another form than expected: name:password, or JSON with username and password"
    )


def _from_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & (stat.S_IRWXO | stat.S_IWGRP):
            raise _failed(f"in {path} can be read by everybody on that machine; make it 0600")
        return path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "not text"
        raise _failed(f"cannot be read from {path} ({what})") from None


def _from_secrets_manager(name: str) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    # An ARN says its region: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
    region = name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 6 else None
    try:
        client = boto3.client("secretsmanager", region_name=region)
        return str(client.get_secret_value(SecretId=name)["SecretString"]).rstrip("\r\n")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise _failed(f"{name} cannot be read from Secrets Manager ({code})") from None
    except (BotoCoreError, KeyError) as error:
        kind = type(error).__name__
        raise _failed(f"{name} cannot be read from Secrets Manager ({kind})") from None


async def _from_kubernetes(reference: str) -> str:
    """Read ``NAME/KEY`` with the broker's own service account, in its own namespace."""
    name, _, key = reference.partition("/")
    try:
        # Read at each use: Kubernetes rotates the token.
        token = (_ACCOUNT / "token").read_text().strip()
        namespace = (_ACCOUNT / "namespace").read_text().strip()
        context = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
    except OSError as error:
        raise _failed(
            f"{reference} is a Kubernetes Secret, but the broker does not run in Kubernetes "
            f"({error.strerror}: {_ACCOUNT})"
        ) from None
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    url = f"https://{host}:{port}/api/v1/namespaces/{namespace}/secrets/{name}"
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(url, headers={"Authorization": f"Bearer {token}"}, ssl=context) as answer,
        ):
            if answer.status != 200:
                raise _failed(f"{reference} cannot be read from Kubernetes (HTTP {answer.status})")
            body: dict[str, Any] = await answer.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        kind = type(error).__name__
        raise _failed(f"{reference} cannot be read from Kubernetes ({kind})") from None
    try:
        return base64.b64decode(body["data"][key]).decode().rstrip("\r\n")
    except (KeyError, ValueError):
        raise _failed(f"{reference}: the Secret has no text under that key") from None


def _failed(what: str) -> MintFailed:
    return MintFailed(
        "The secret that this data source needs cannot be had just now. "
        "Tell the person who runs Datalab; the broker's log says more.",
        reason="secret",
        detail=f"The secret {what}.",
    )
