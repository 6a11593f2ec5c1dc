"""The standby: a process that has imported everything a workspace needs, and knows nobody.

``python -m datalab_workspace.zygote --socket PATH``

Each connection to the socket makes it fork. The child offers itself on that connection
(:func:`datalab_workspace.claim.serve`); the zygote itself never reads a claim, so that no
person's token is ever in the memory that the next child inherits.

Standard input is the lifeline: at its end the zygote ends, and the workspaces that it forked
live on. Standard output tells the hub ``Ready`` and ``Exited``.
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import selectors
import signal
import socket
from pathlib import Path
from typing import NoReturn

from . import claim, lean, preload, wire


class Standby:
    """Listens, forks, reaps.

    Args:
        path: of the Unix socket; created with mode 0600.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.children: set[int] = set()

    def run(self) -> socket.socket:
        """Warm up, then serve until standard input ends.

        Returns:
            only in a child: the connection on which it has to offer itself. Returning instead of
            going on in here leaves the child without a frame of the zygote on its stack.

        Raises:
            RuntimeError: see :func:`preload.assert_clean`.
        """
        preload.everything()
        listener = _listen(self.path)
        wake, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        claim.remember_generators()
        preload.assert_clean(allowed={0, 1, 2, listener.fileno(), wake, wakeup})
        gc.collect()
        gc.freeze()  # no collection in a child writes to the pages that it shares with us
        _tell(wire.Ready())

        # poll, not epoll: it needs no descriptor that a child would inherit.
        with selectors.PollSelector() as selector:
            for readable in (0, listener, wake):
                selector.register(readable, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == wake:
                        os.read(wake, 1024)
                        self._reap()
                    elif key.fd == 0:
                        if not os.read(0, 1024):
                            self._end()
                    elif (connection := self._fork(listener)) is not None:
                        _drop(listener, wake, wakeup)
                        return connection

    def _fork(self, listener: socket.socket) -> socket.socket | None:
        """Answer one connection with a child.

        Returns:
            in the child the connection, in the zygote ``None``.
        """
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        try:
            pid = os.fork()
        except OSError as error:  # no memory, too many processes: the hub starts cold or says so
            if error.errno not in (errno.EAGAIN, errno.ENOMEM):
                raise
            connection.close()
            return None
        if pid == 0:
            return connection
        self.children.add(pid)
        connection.close()
        return None

    def _reap(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self.children.discard(pid)
            _tell(wire.Exited(pid=pid, status=os.waitstatus_to_exitcode(status)))

    def _end(self) -> NoReturn:
        self.path.unlink(missing_ok=True)
        os._exit(0)


def _drop(listener: socket.socket, *descriptors: int) -> None:
    """Give up, in a child, what belongs to the zygote alone."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    listener.close()
    for descriptor in descriptors:
        os.close(descriptor)
    # The lifeline and the hub's ear. Standard error follows when the claim brings a log.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(old)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _tell(message: wire.Message) -> None:
    try:
        os.write(1, wire.encode(message))
    except BrokenPipeError:
        os._exit(0)  # the hub is gone; the lifeline was about to say so


def main() -> NoReturn:
    """Run the standby from the command line; in a child, become a workspace."""
    parser = argparse.ArgumentParser(prog="datalab_workspace.zygote", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    connection = Standby(parser.parse_args().socket).run()
    claim.serve(connection)


if __name__ == "__main__":
    lean.leave_working_directory()
    main()
