"""A GitHub Enterprise for tests: repositories over HTTP with git's own backend, and pull requests.

::

    with FakeGitHub(tmp_path) as github:
        github.repository("acme/churn")
        github.tokens["secret"] = {"contents", "pull_requests"}
        subprocess.run(["git", "push", f"{github.url}/acme/churn.git", "main"])
        …
        assert github.pulls["acme/churn"][0]["title"] == "…"

What it may answer is what GitHub answers (docs.github.com/rest/pulls/pulls): 401 for a token that
it does not know, 404 for a repository that a token may not see, 403 for a permission that it has
not, 422 with ``errors`` for a pull request that cannot be, 301 for a repository that moved. Tokens
are ``Bearer`` for the API and the password of ``x-access-token`` for git. ``faults`` answers for
one path are given instead, once each. ``calls`` has method, path and who asked, never a token.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

API = "/api/v3"


class FakeGitHub:
    """The server; ``url`` is its address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens: dict[str, set[str]] = {}
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.moved: dict[str, str] = {}
        self.faults: dict[str, tuple[int, dict[str, str], dict[str, Any]]] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.leaks: list[str] = []
        fake = self

        class Handler(_Handler):
            github = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> FakeGitHub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def repository(self, name: str) -> Path:
        """Make an empty repository; return where it lies."""
        path = self.folder / f"{name}.git"
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--bare", "--initial-branch=main")
        git(path, "config", "http.receivepack", "true")
        self.pulls[name] = []
        return path


def git(path: Path, *arguments: str) -> str:
    """Return what git says in a repository."""
    done = subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True)
    return done.stdout.strip()


class _Handler(BaseHTTPRequestHandler):
    github: FakeGitHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass  # a test has ``calls``

    def _answer(self) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        token = self._token()
        for known in self.github.tokens:
            if known in self.path:
                self.github.leaks.append(self.path)
        rights = self.github.tokens.get(token)
        who = "" if not token else ("known" if rights is not None else "unknown")
        self.github.calls.append((self.command, parts.path, who))
        if parts.path in self.github.faults:
            return self._send(*self.github.faults.pop(parts.path))
        if parts.path.startswith(API):
            return self._api(parts.path[len(API) :], parse_qs(parts.query), body, rights)
        return self._git(parts.path, parts.query, body, rights)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            found = b""
            while size := int(self.rfile.readline(), 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _token(self) -> str:
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind == "Bearer":
            return value
        if kind == "Basic":
            user, _, password = base64.b64decode(value).decode().partition(":")
            return password if user == "x-access-token" else "?"
        return ""

    def _send(self, status: int, headers: dict[str, str], document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # -- REST ------------------------------------------------------------------------------

    def _api(
        self, path: str, query: dict[str, list[str]], body: bytes, rights: set[str] | None
    ) -> None:
        if rights is None:
            return self._send(401, {}, {"message": "Bad credentials"})
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/pulls)?(/\d+)?", path)
        if not found or self.headers.get("X-GitHub-Api-Version") is None:
            return self._send(404, {}, {"message": "Not Found"})
        name = found[1]
        if name in self.github.moved:
            where = f"{self.github.url}{API}/repos/{self.github.moved[name]}{found[2] or ''}"
            return self._send(301, {"Location": where}, {"message": "Moved Permanently"})
        if name not in self.github.pulls or not rights:
            return self._send(404, {}, {"message": "Not Found"})
        owner = name.partition("/")[0]
        if not found[2]:
            document = {"full_name": name, "default_branch": "main", "owner": {"login": owner}}
            return self._send(200, {}, document)
        if "pull_requests" not in rights:
            message = "Resource not accessible by personal access token"
            return self._send(403, {"X-RateLimit-Remaining": "4999"}, {"message": message})
        pulls = self.github.pulls[name]
        if self.command == "GET":
            head = query.get("head", [""])[0].removeprefix(f"{owner}:")
            state = query.get("state", ["open"])[0]
            shown = [one for one in pulls if one["head"]["ref"] == head and one["state"] == state]
            return self._send(200, {}, shown)
        given = json.loads(body)
        if self.command == "PATCH":
            one = next(one for one in pulls if one["number"] == int((found[3] or "/0")[1:]))
            one.update(given)
            return self._send(200, {}, one)
        return self._make(name, owner, pulls, given)

    def _make(
        self, name: str, owner: str, pulls: list[dict[str, Any]], given: dict[str, Any]
    ) -> None:
        path = self.github.folder / f"{name}.git"
        for field in ("head", "base"):
            if not git(path, "rev-parse", "--verify", "-q", f"refs/heads/{given[field]}"):
                error = {"resource": "PullRequest", "field": field, "code": "invalid"}
                return self._send(422, {}, {"message": "Validation Failed", "errors": [error]})
        message = ""
        if git(path, "rev-list", "--count", f"{given['base']}..{given['head']}") == "0":
            message = f"No commits between {given['base']} and {given['head']}"
        if any(one["head"]["ref"] == given["head"] and one["state"] == "open" for one in pulls):
            message = f"A pull request already exists for {owner}:{given['head']}."
        if message:
            error = {"resource": "PullRequest", "code": "custom", "message": message}
            return self._send(422, {}, {"message": "Validation Failed", "errors": [error]})
        number = len(pulls) + 1
        made = {
            "number": number,
            "state": "open",
            "html_url": f"{self.github.url}/{name}/pull/{number}",
            "title": given["title"],
            "body": given["body"],
            "head": {"ref": given["head"]},
            "base": {"ref": given["base"]},
        }
        pulls.append(made)
        return self._send(201, {}, made)

    # -- git -------------------------------------------------------------------------------

    def _git(self, path: str, query: str, body: bytes, rights: set[str] | None) -> None:
        if rights is None:
            return self._send(401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, {})
        name = re.sub(r"(\.git)?/(info/refs|git-(upload|receive)-pack)$", "", path).strip("/")
        name = self.github.moved.get(name, name)
        if name not in self.github.pulls or not rights:
            return self._send(404, {}, {"message": "Not Found"})
        if "receive-pack" in path + query and "contents" not in rights:
            return self._send(403, {}, {"message": "Permission denied"})
        service = re.search(r"/(info/refs|git-(upload|receive)-pack)$", path)
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.github.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{name}.git{service[0] if service else path}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=body, capture_output=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
