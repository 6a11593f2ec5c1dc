"""The container of an endpoint or a batch transform: ``/ping`` and ``/invocations``.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .entry import Call, execute, fail, find, read_arguments
from .settings import SageMakerEndpoint
from .stores import open_store

LARGEST_REQUEST = 100 * 1024 * 1024


def answerer(arguments: list[str]) -> Callable[[Any], Any]:
    """Return the function that answers one request, with the model loaded.

    An endpoint answers with what its stage's function returns; a transform's single request runs
    the stage and stores its outputs, as everywhere else.
    """
    call = Call.parse(arguments)
    stage = find(call.stage)
    if isinstance(stage.settings.compute, SageMakerEndpoint):
        answer: Callable[[Any], Any] = stage.function(
            **read_arguments(call, open_store(call.store))
        )
        return answer

    def once(_: Any) -> Any:
        try:
            return {"node": call.node, "metrics": execute(call)["metrics"]}
        except Exception as error:
            fail(error, call)
            raise

    return once


def handler_for(answer: Callable[[Any], Any]) -> type[BaseHTTPRequestHandler]:
    """Return the HTTP handler around ``answer``: JSON in, JSON out."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200 if self.path == "/ping" else 404, b"")

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            if self.path != "/invocations" or size > LARGEST_REQUEST:
                return self._answer(404 if self.path != "/invocations" else 413, b"")
            body = self.rfile.read(size)
            try:
                request = json.loads(body) if body else None
            except ValueError:
                request = body
            try:
                found = json.dumps(answer(request)).encode()
            except Exception as error:  # noqa: BLE001 - one bad request must not end the server
                traceback.print_exc()
                text = json.dumps({"error": type(error).__name__, "message": str(error)})
                return self._answer(500, text.encode())
            return self._answer(200, found)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep pings out of the log."""

    return Handler


def serve(arguments: list[str]) -> int:
    """Serve until the process is ended."""
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    address = (os.environ.get("DATALAB_BIND", "0.0.0.0"), port)
    with ThreadingHTTPServer(address, handler_for(answerer(arguments))) as server:
        server.serve_forever()
    return 0
