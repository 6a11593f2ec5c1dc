"""BigQuery: an access token of a service account, for an hour at most.

Google's own library speaks to Google: it knows keys, workload identity federation (from AWS,
Kubernetes, files) and the metadata server, and renews the broker's own token by itself.
"""

from __future__ import annotations

import asyncio
import copy
import json
from abc import abstractmethod
from datetime import UTC
from typing import Any

import google.auth
import requests
from google.auth import aws, identity_pool, impersonated_credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from ...catalog.sources.cloud import BigQuerySource
from .. import secret_store
from ..problems import MintFailed
from ..who import Workspace
from .base import Minted, Minter
from .personal import own_token

_CLOUD = "https://www.googleapis.com/auth/cloud-platform"
# A query is a job, and `bigquery.readonly` may not make one. What binds are the account's roles.
_BIGQUERY = ("https://www.googleapis.com/auth/bigquery",)
_SHORTEST, _LONGEST = 60, 3600  # seconds; IAM gives an hour at most
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_AWS = "urn:ietf:params:aws:token-type:aws4_request"
_SECONDS = 5


class _Bounded(requests.Session):
    """google-auth waits two minutes otherwise."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send, for so long and no longer."""
        return super().request(*args, **options | {"timeout": _SECONDS})


class _BigQueryMinter(Minter[BigQuerySource]):
    kind = "bigquery"

    async def mint(self, who: Workspace, access: str) -> Minted:
        """Return ``Token``."""
        secret = await self._secret(who)
        return await asyncio.to_thread(self._mint, secret)

    @abstractmethod
    async def _secret(self, who: Workspace) -> str:
        """Return what proves to Google who asks."""

    @abstractmethod
    def _credentials(self, secret: str) -> Any:
        """Return credentials of the service account, not yet fetched."""

    def _mint(self, secret: str) -> Minted:
        source = self.source
        try:
            with _Bounded() as session:
                credentials = self._credentials(secret)
                credentials.refresh(Request(session))
        except (GoogleAuthError, ValueError) as error:
            raise MintFailed(
                f"Google does not give a credential for {source.title}. "
                "Tell the person who runs Datalab; the broker's log says more.",
                reason="google",
                detail=f"{source.name}: {source.service_account}: {_without(secret, error)}",
            ) from None
        end = credentials.expiry.replace(tzinfo=UTC)
        return Minted(
            {"Token": credentials.token}, min(end, self.until()), self.source.service_account
        )

    @property
    def _seconds(self) -> int:
        return int(min(_LONGEST, max(_SHORTEST, self.source.lifetime.total_seconds())))

    @property
    def _impersonate(self) -> str:
        account = self.source.service_account
        url = self.source.iam_url.rstrip("/")
        return f"{url}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"


class BigQueryImpersonationMinter(_BigQueryMinter):
    """Becomes the service account with the broker's own identity.

    That identity needs ``roles/iam.serviceAccountTokenCreator`` on the service account.
    """

    minting = "impersonation"
    _template: tuple[str, Any] | None = None

    async def _secret(self, who: Workspace) -> str:
        reference = self.source.secret
        return await secret_store.fetch(reference) if reference is not None else ""

    def _credentials(self, secret: str) -> Any:
        if self._template is None or self._template[0] != secret:
            own = _identity(json.loads(secret)) if secret else google.auth.default([_CLOUD])[0]
            self._template = (
                secret,
                impersonated_credentials.Credentials(
                    source_credentials=own,
                    target_principal=self.source.service_account,
                    target_scopes=_BIGQUERY,
                    lifetime=self._seconds,
                    iam_endpoint_override=self._impersonate,
                ),
            )
        # A copy shares the broker's own token: it proves itself once an hour, not for each person.
        return copy.copy(self._template[1])


def _identity(configuration: dict[str, Any]) -> Any:
    """Return the broker's own credentials out of one of Google's configuration files.

    Raises:
        ValueError: of a kind that the broker does not take: one that runs a program, for example.
    """
    kind = configuration.get("type")
    if kind == "service_account":
        return service_account.Credentials.from_service_account_info(configuration, scopes=[_CLOUD])
    if kind == "external_account":
        of_aws = configuration.get("subject_token_type") == _AWS
        known = aws.Credentials if of_aws else identity_pool.Credentials
        return known.from_info(configuration, scopes=[_CLOUD])
    raise ValueError("expected a configuration of type service_account or external_account")


class _Signed(identity_pool.SubjectTokenSupplier):
    def __init__(self, token: str) -> None:
        self._token = token

    def get_subject_token(self, context: Any, request: Any) -> str:
        """Return the person's identity token."""
        return self._token


class BigQueryFederationMinter(_BigQueryMinter):
    """Exchanges the person's identity token, so that Google's audit log knows who it is."""

    minting = "federation"

    async def _secret(self, who: Workspace) -> str:
        return own_token(await self.personal_tokens(who), "id_token")

    def _credentials(self, secret: str) -> Any:
        return identity_pool.Credentials(
            audience=self.source.provider,
            subject_token_type=_ID_TOKEN,
            token_url=self.source.sts_url,
            subject_token_supplier=_Signed(secret),
            service_account_impersonation_url=self._impersonate,
            service_account_impersonation_options={"token_lifetime_seconds": self._seconds},
            scopes=_BIGQUERY,
        )


def _without(secret: str, error: Exception) -> str:
    """Return what an error says, as long as it does not quote what was secret."""
    text = " ".join(str(error).split())[:300]
    quoted = secret and any(part in text for part in (secret, json.dumps(secret)[1:-1]))
    return type(error).__name__ if quoted else f"{type(error).__name__}: {text}"
