"""A workspace that nobody can connect to connects itself, and is reached through that.

One WebSocket from the workspace to the gateway carries HTTP/2 (``h2``, RFC 9113), in which the
*gateway* is the client: each connection of the proxy becomes a ``CONNECT`` stream (section 8.5),
which the workspace connects to its own server. So HTTP, kernels' WebSockets, TLS and whatever
comes next pass as they are, and the framing, the windows and the resets are a standard's.

==============  =========================================================================
``frames``      the standard's frames, without copying what they carry
``mux``         streams over a channel of messages: windows, fairness, limits
``stream``      one of them, for its reader and its writer
``splice``      one TCP connection ↔ one stream
``memory``      buffers that stay where they are
``client``      the workspace's process: connects, reconnects, and knows when it is over
==============  =========================================================================
"""
