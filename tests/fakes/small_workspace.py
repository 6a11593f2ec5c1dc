"""A workspace that starts in tenths of a second: the real way to the hub, then a tiny server.

``python -m fakes.small_workspace SECRET`` does all that ``datalab-workspace --assignment SECRET``
does, and serves two lines of text instead of JupyterLab. For tests of the way.
"""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from datalab_workspace import job


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(f"{os.environ['JUPYTERHUB_API_TOKEN'][:4]}…\n{Path.cwd()}\n".encode())


def serve(argv: list[str], listener: socket.socket) -> None:
    server = HTTPServer(listener.getsockname(), Answer, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()


if __name__ == "__main__":
    # Another uid may not be able to read the standard library (a Python below /root): load now
    # what is needed after the change. In an image everybody can.
    sysconfig.get_config_vars()
    job.run(sys.argv[1], serve)
