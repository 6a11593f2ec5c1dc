"""boto3 off the event loop, with two kinds of failure: AWS said no, and nobody knows."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ...errors import DatalabError

_CONNECT_SECONDS, _READ_SECONDS = 5, 30
# Error codes after which nothing is known. Every status from 500 on counts as one too.
_NOT_NOW = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "InternalFailure",
        "InternalServiceError",
        "ServiceUnavailable",
        # The clock, or credentials that are just being renewed: the job goes on all the same.
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
    }
)


class Unknown(OSError):
    """AWS could not be asked: throttled, no network, a failure on its side.

    What the call was to do may have happened, or not.
    """


class Refused(DatalabError):
    """AWS answered no.

    Attributes:
        code: AWS's name for the error, such as ``ResourceInUse``.
        said: its message.
    """

    def __init__(self, operation: str, code: str, said: str) -> None:
        super().__init__(f"AWS refused {operation}: {code}: {said}")
        self.operation, self.code, self.said = operation, code, said

    @property
    def is_absence(self) -> bool:
        """Whether it says that the thing does not exist.

        SageMaker says so with ``ValidationException`` for jobs; the model promises another.
        """
        return self.code in {"ResourceNotFound", "ResourceNotFoundException"} or (
            self.code == "ValidationException" and "not found" in self.said.lower()
        )


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of an assumed role."""

    access_key: str
    secret_key: str
    token: str


class Aws:
    """All calls of one hub.

    Args:
        region: for calls that name none; where boto3 finds one, when ``None``.
        attempts: tries of one call, with adaptive retries in between.
        threads: calls at the same time.
    """

    def __init__(
        self, region: str | None, *, attempts: int, threads: int, log: logging.Logger
    ) -> None:
        self._region = region
        self._config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "adaptive", "total_max_attempts": attempts},
            max_pool_connections=threads,
            user_agent_extra="datalab-hub",
        )
        self._log = log
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        self._session: boto3.Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.Lock()  # creating clients is not thread-safe, using them is

    def close(self) -> None:
        """Take no more calls; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def call(
        self,
        service: str,
        operation: str,
        *,
        region: str | None = None,
        credentials: Credentials | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Carry out one call and return its answer.

        A call cannot be recalled: when cancelled, this waits for its end first, so that who
        cleans up knows that nothing comes after.

        Raises:
            Unknown: nobody knows.
            Refused: AWS said no.
        """
        work = asyncio.get_running_loop().run_in_executor(
            self._pool,
            partial(self._call, service, operation, region, credentials, parameters),
        )
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            if not work.cancelled() and (error := work.exception()) is not None:
                self._log.debug("A cancelled %s ended with %r", operation, error)
            raise

    def _call(
        self,
        service: str,
        operation: str,
        region: str | None,
        credentials: Credentials | None,
        parameters: dict[str, Any],
    ) -> dict[str, Any]:
        try:
            client = self._client(service, region or self._region, credentials)
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
            return answer
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            said = error.response.get("Error", {}).get("Message", "")
            if code in _NOT_NOW or status >= 500:
                raise Unknown(f"{operation}: {code}") from error
            raise Refused(operation, code, said) from error
        except BotoCoreError as error:
            # Connection, timeout, no credentials now. Its text may quote parameters: secrets.
            raise Unknown(f"{operation}: {type(error).__name__}") from None

    def _client(self, service: str, region: str | None, credentials: Credentials | None) -> Any:
        with self._lock:
            if self._session is None:
                self._session = boto3.Session()
            if credentials is not None:
                return self._session.client(
                    service,
                    region_name=region,
                    config=self._config,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret_key,
                    aws_session_token=credentials.token,
                )
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.client(
                    service, region_name=region, config=self._config
                )
            return self._clients[service, region]


async def persist(what: Callable[[], Awaitable[Any]], patience: float, pause: float) -> None:
    """Call ``what`` until AWS answers, for at most ``patience`` seconds.

    Raises:
        Unknown: it has not answered until then.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while True:
        try:
            await what()
            return
        except Unknown:
            if asyncio.get_running_loop().time() + pause > deadline:
                raise
            await asyncio.sleep(pause)
