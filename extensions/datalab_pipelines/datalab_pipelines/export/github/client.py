"""The few calls of GitHub's REST API that a pull request needs, on the standard library."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from ..errors import ExportError
from ..git.remotes import Address
from .forge import Token, api

_VERSION = "2022-11-28"
_SECONDS = 30
_LARGEST = 8 * 2**20
_HOPS = 3


class GitHubError(ExportError):
    """GitHub would not; ``status`` is HTTP's, 0 when it could not be asked."""

    def __init__(self, message: str, *, hint: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message, hint=hint)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would follow with the token to whatever host it is sent to."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


@dataclass(frozen=True)
class GitHub:
    """One repository's API. ``authorities``: a file of certificates besides the system's."""

    address: Address
    token: Token
    authorities: str = ""
    _opener: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        context = ssl.create_default_context()
        if self.authorities:
            context.load_verify_locations(self.authorities)
        opener = urllib.request.build_opener(
            _NoRedirect, urllib.request.HTTPSHandler(context=context)
        )
        object.__setattr__(self, "_opener", opener)

    def get(self, path: str, **query: str) -> Any:
        """Return what ``path`` (below the API's root) answers."""
        return self._call("GET", path + (f"?{urlencode(query)}" if query else ""))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Create something."""
        return self._call("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something."""
        return self._call("PATCH", path, body)

    def repository(self) -> Any:
        """Return the repository's document; ``full_name`` in it is its name after a move."""
        return self.get(f"/repos/{quote(self.address.path)}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        root = api(self.address)
        url = root + path
        for _ in range(_HOPS):
            try:
                with self._opener.open(self._request(method, url, body), timeout=_SECONDS) as found:
                    return json.loads(found.read(_LARGEST))
            except urllib.error.HTTPError as error:
                where = error.headers.get("Location", "")
                if error.code in (301, 302, 307, 308) and _same_host(where, root):
                    url = where
                    continue
                raise self._refused(error, method, path) from None
            except ValueError:
                raise GitHubError(
                    f"{urlsplit(root).netloc} answered something that is not GitHub's API",
                    hint=f"Is {self.address.web} on a GitHub?",
                ) from None
            except OSError as error:
                reason = getattr(error, "reason", error)
                raise GitHubError(
                    f"{urlsplit(root).netloc} cannot be reached: {reason}",
                    hint="Is this machine online, and does it need a proxy (HTTPS_PROXY)? "
                    "Export again when it is.",
                ) from None
        raise GitHubError(
            f"{path} is redirected in a circle", hint="Is the remote's address right?"
        )

    def _request(
        self, method: str, url: str, body: Mapping[str, Any] | None
    ) -> urllib.request.Request:
        request = urllib.request.Request(
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
                "User-Agent": "datalab-export",
                "X-GitHub-Api-Version": _VERSION,
            },
        )
        # "Unredirected" headers are not repeated by urllib anywhere else.
        request.add_unredirected_header("Authorization", f"Bearer {self.token.value}")
        return request

    def _refused(self, error: urllib.error.HTTPError, method: str, path: str) -> GitHubError:
        said = _said(error)
        host, code, source = self.address.host, error.code, self.token.source
        repository = self.address.path
        if code == 401:
            message = f"{host} does not accept the token of {source}"
            hint = "Is it expired or revoked? Make a new one, or run gh auth login."
        elif code in (403, 429) and _limited(error.headers):
            message = f"{host} takes no more calls for now: {said}"
            hint = "Wait, and export again: the branch is pushed, only the pull request is missing."
        elif code == 403:
            message = f"{host} forbids it for the token of {source}: {said}"
            hint = (
                f"It needs to write pull requests and contents of {repository} (classic tokens: "
                "the scope repo)."
            )
            if sso := error.headers.get("X-GitHub-SSO", ""):
                where = sso.partition("url=")[2]
                hint = f"Authorize the token for the organization's single sign-on: {where}"
        elif code == 404:
            message = f"{host} has no repository {repository} that the token of {source} may see"
            hint = "Is the remote's address right (git remote -v), and is the token for it?"
        elif code == 422:
            message = f"{host} refuses the pull request: {said}"
            hint = "Is --base a branch of the repository, and other than the export's?"
        else:
            message = f"{host} answered {method} {path} with {code}: {said}"
            hint = "Export again in a while." if code >= 500 else "Is this a GitHub?"
        return GitHubError(message, hint=hint, status=code)


def _said(error: urllib.error.HTTPError) -> str:
    """Return GitHub's own sentence, with the details that it gives for 422."""
    try:
        document = json.loads(error.read(_LARGEST))
        details = [
            one if isinstance(one, str) else one.get("message") or f"{one['field']} {one['code']}"
            for one in document.get("errors", [])
        ]
        return "; ".join([str(document.get("message", error.reason)), *map(str, details)])
    except (ValueError, AttributeError, KeyError, TypeError):
        return str(error.reason)


def _limited(headers: Message) -> bool:
    return headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers


def _same_host(url: str, root: str) -> bool:
    return urlsplit(url)[:2] == urlsplit(root)[:2]
