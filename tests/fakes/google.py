"""As much of Google as the broker and a BigQuery client ask: STS, IAM Credentials, one query.

Real HTTP on loopback. It refuses what Google refuses: a subject token that it does not know, a
caller without a token of its own, a service account that the caller may not impersonate, a query
with a token that it did not issue or that has ended. See the REST references of
``sts.token``, ``projects.serviceAccounts.generateAccessToken`` and ``jobs.query``.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "analyst@acme.iam.gserviceaccount.com"
PROVIDER = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/hub"


class Google(ThreadingHTTPServer):
    """The server.

    Attributes:
        subjects: the subject tokens that STS exchanges.
        requests: (path, body) of every request, in order.
        issued: access tokens of the service account → when they end.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.subjects: set[str] = set()
        self.requests: list[tuple[str, Any]] = []
        self.federated: set[str] = set()
        self.issued: dict[str, datetime] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def source(self, **more: Any) -> dict[str, Any]:
        """A catalog entry that leads here."""
        return {
            "kind": "bigquery",
            "project": "acme",
            "dataset": "shop",
            "service_account": ACCOUNT,
            "sts_url": f"{self.url}/v1/token",
            "iam_url": self.url,
        } | more

    def configuration(self, subject_file: str) -> str:
        """What ``gcloud iam workload-identity-pools create-cred-config`` writes."""
        return json.dumps(
            {
                "type": "external_account",
                "audience": PROVIDER,
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{self.url}/v1/token",
                "credential_source": {"file": subject_file},
            }
        )


class _Handler(BaseHTTPRequestHandler):
    server: Google

    def do_POST(self) -> None:
        body: Any = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = "urlencoded" in self.headers["Content-Type"]
        body = {k: v[0] for k, v in parse_qs(body).items()} if form else json.loads(body)
        self.server.requests.append((self.path, body))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path == "/v1/token":
            self._exchange(body)
        elif self.path.startswith("/v1/projects/-/serviceAccounts/"):
            self._impersonate(body, token)
        elif self.path.partition("?")[0].endswith(("/queries", "/jobs")):
            self._query(body, token)
        else:
            self._answer(404, {"error": {"message": "no such method"}})

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self._query({}, token)

    def _exchange(self, form: dict[str, str]) -> None:
        if form.get("subject_token") not in self.server.subjects or form["audience"] != PROVIDER:
            self._answer(400, {"error": "invalid_grant", "error_description": "unknown subject"})
            return
        token = f"federated-{secrets.token_hex(8)}"
        self.server.federated.add(token)
        self._answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _impersonate(self, body: dict[str, Any], token: str) -> None:
        if token not in self.server.federated or ACCOUNT not in self.path:
            self._answer(403, {"error": {"code": 403, "message": "Permission denied"}})
            return
        assert body["scope"] == ["https://www.googleapis.com/auth/bigquery"], body
        end = datetime.now(UTC) + timedelta(seconds=int(body["lifetime"].removesuffix("s")))
        made = f"account-{secrets.token_hex(8)}"
        self.server.issued[made] = end
        self._answer(200, {"accessToken": made, "expireTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def _query(self, body: dict[str, Any], token: str) -> None:
        if self.server.issued.get(token, datetime.min.replace(tzinfo=UTC)) < datetime.now(UTC):
            self._answer(401, {"error": {"code": 401, "message": "Invalid credentials"}})
            return
        reference = {"projectId": "acme", "jobId": "job", "location": "EU"}
        schema = {"fields": [{"name": "amount", "type": "INTEGER", "mode": "NULLABLE"}]}
        self._answer(
            200,
            {
                "kind": "bigquery#queryResponse",
                "jobReference": reference,
                "status": {"state": "DONE"},
                "configuration": {"query": {"query": "", "destinationTable": {}}},
                "statistics": {"query": {"statementType": "SELECT"}},
                "jobComplete": True,
                "schema": schema,
                "totalRows": "2",
                "rows": [{"f": [{"v": "40"}]}, {"f": [{"v": "2"}]}],
            },
        )

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def google() -> Iterator[Google]:
    """Run it."""
    server = Google()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
