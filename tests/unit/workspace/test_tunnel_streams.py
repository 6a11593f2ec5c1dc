"""The tunnel's multiplexer and splicing, over a channel in memory."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.exceptions
import pytest
from datalab_workspace.tunnel import mux as mux_module
from datalab_workspace.tunnel.frames import Connection
from datalab_workspace.tunnel.mux import Mux
from datalab_workspace.tunnel.splice import splice
from datalab_workspace.tunnel.stream import STREAM_WINDOW, Closed, Refused


class Channel:
    """Two queues with room for one message each: slow, so that waiting is seen."""

    def __init__(self) -> None:
        self.there: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self.back: asyncio.Queue[bytes | None] = asyncio.Queue(1)


async def out_of(queue):
    while (message := await queue.get()) is not None:
        yield message


@asynccontextmanager
async def a_tunnel(accept):
    channel = Channel()
    gateway = Mux(opens=True, send=channel.there.put)
    workspace = Mux(opens=False, send=channel.back.put, accept=accept)
    runs = [
        asyncio.create_task(gateway.run(out_of(channel.back))),
        asyncio.create_task(workspace.run(out_of(channel.there))),
    ]
    try:
        yield gateway, workspace, channel
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


async def echo(stream):
    while data := await stream.read():
        await stream.write(data)
    stream.finish()


async def all_of(stream):
    parts = []
    while data := await stream.read():
        parts.append(data)
    return b"".join(parts)


async def test_what_goes_in_comes_out_in_order_and_both_ends_know_the_end():
    async with a_tunnel(echo) as (gateway, workspace, _):
        sent = [os.urandom(size) for size in (1, 0, 70_000, 3_000_000)]

        async def one(data):
            stream = gateway.open()
            writing = asyncio.create_task(stream.write(data))
            reading = asyncio.create_task(all_of(stream))
            await writing
            stream.finish()
            return await reading

        assert await asyncio.gather(*(one(data) for data in sent)) == sent
        assert (gateway.streams, workspace.streams) == (0, 0)


async def test_a_reader_that_is_slow_holds_up_its_own_stream_only():
    arrived = asyncio.Queue()

    async def some_read(stream):
        if arrived.empty():
            arrived.put_nowait(stream)
            await asyncio.Event().wait()  # never reads
        await echo(stream)

    async with a_tunnel(some_read) as (gateway, _, _channel):
        slow, quick = gateway.open(), gateway.open()
        flood = asyncio.create_task(slow.write(b"x" * (4 * STREAM_WINDOW)))
        await quick.write(b"hello")
        quick.finish()
        assert await all_of(quick) == b"hello"
        assert not flood.done()
        held = sum(map(len, (await arrived.get())._chunks))
        assert held <= STREAM_WINDOW
        flood.cancel()


async def test_a_stream_that_is_given_up_breaks_at_the_other_end():
    broken = asyncio.Event()

    async def accept(stream):
        try:
            await stream.read()
        except Closed:
            broken.set()

    async with a_tunnel(accept) as (gateway, _, _channel):
        stream = gateway.open()
        stream.reset()
        async with asyncio.timeout(20):
            await broken.wait()
        with pytest.raises(Closed):
            await stream.write(b"x")


async def test_the_end_of_the_channel_breaks_every_stream():
    async with a_tunnel(echo) as (gateway, _, channel):
        stream = gateway.open()
        await stream.write(b"x")
        assert await stream.read() == b"x"
        reading = asyncio.create_task(stream.read())
        await channel.back.put(None)
        with pytest.raises(Closed):
            await reading
        with pytest.raises(Closed):
            gateway.open()


async def test_there_are_only_so_many_streams(monkeypatch):
    monkeypatch.setattr(mux_module, "MAX_STREAMS", 3)
    async with a_tunnel(echo) as (gateway, _, _channel):
        streams = [gateway.open() for _ in range(3)]
        with pytest.raises(Refused):
            gateway.open()
        streams[0].reset()
        gateway.open()


async def test_who_does_not_speak_the_protocol_ends_the_tunnel():
    mux = Mux(opens=False, send=asyncio.Queue().put)

    async def nonsense():
        yield b"GET / HTTP/1.1\r\n\r\n"

    with pytest.raises(Closed, match="breaks the protocol"):
        await mux.run(nonsense())


@pytest.fixture
async def pair():
    """A TCP connection: (reader, writer) of either end."""
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda reader, writer: accepted.set_result((reader, writer)), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    ours = await asyncio.open_connection("127.0.0.1", port)
    yield ours, await accepted
    ours[1].close()
    server.close()


async def test_a_half_closed_connection_still_receives(pair):
    (reader, writer), theirs = pair

    async def answer_at_the_end(stream):
        asked = await all_of(stream)
        await stream.write(asked.upper())
        stream.finish()

    async with a_tunnel(answer_at_the_end) as (gateway, _, _channel):
        splicing = asyncio.create_task(splice(*theirs, gateway.open()))
        writer.write(b"question")
        writer.write_eof()
        assert await reader.read() == b"QUESTION"
        await splicing


async def test_a_cut_download_does_not_look_complete(pair):
    (reader, _), theirs = pair

    async def breaks_off(stream):
        await stream.write(b"half of it")
        await asyncio.sleep(0.05)
        stream.reset()

    async with a_tunnel(breaks_off) as (gateway, _, _channel):
        await splice(*theirs, gateway.open())
        with pytest.raises(ConnectionResetError):
            while await reader.read(1000):
                pass


async def test_windows_grow_out_of_what_is_shared_and_give_it_back(monkeypatch):
    monkeypatch.setattr(mux_module, "SHARED_WINDOW", 3 * STREAM_WINDOW)

    async def flood(stream):
        for _ in range(64):
            await stream.write(b"x" * (STREAM_WINDOW // 4))
        stream.finish()

    async with a_tunnel(flood) as (gateway, _, _channel):
        first, second = gateway.open(), gateway.open()
        for _ in range(40):
            await first.read()
        assert first.borrowed == 3 * STREAM_WINDOW  # from one to two to four
        for _ in range(40):
            await second.read()
        assert second.borrowed == 0  # nothing is left
        first.reset()
        assert gateway.lend(3 * STREAM_WINDOW) == 3 * STREAM_WINDOW


@pytest.mark.parametrize("plain_end", ["gateway", "workspace", "neither"])
async def test_an_end_that_copies_and_one_that_does_not_understand_each_other(
    monkeypatch, plain_end
):
    """The bytes are HTTP/2's whichever way they take: a workspace of an older release is served."""

    class Plain(h2.connection.H2Connection):
        def messages(self):
            while data := self.data_to_send():
                yield data

    ours = mux_module.Connection

    def connection(config):
        end = "gateway" if config.client_side else "workspace"
        return (Plain if end == plain_end else ours)(config)

    monkeypatch.setattr(mux_module, "Connection", connection)
    data = os.urandom(9 * STREAM_WINDOW + 1)
    async with a_tunnel(echo) as (gateway, _, _channel):
        stream = gateway.open()
        writing = asyncio.create_task(stream.write(data))
        reading = asyncio.create_task(all_of(stream))
        await writing
        stream.finish()
        assert await reading == data


async def test_a_large_body_travels_by_itself_and_is_passed_on_as_it_is():
    def connection(client_side):
        return Connection(h2.config.H2Configuration(client_side=client_side))

    sender, receiver = connection(True), connection(False)
    sender.initiate_connection()
    receiver.initiate_connection()
    sender.send_headers(1, [(":method", "CONNECT"), (":authority", "workspace")])
    for message in sender.messages():
        receiver.receive_data(message)
    body = os.urandom(1 << 14)
    sender.send_data(1, body)
    head, sent = sender.messages()
    assert len(head) == 9
    assert sent is body
    assert receiver.receive_data(head) == []
    (event,) = receiver.receive_data(sent)
    assert event.data is sent


async def test_a_body_that_is_too_long_is_refused_on_the_short_way_too():
    receiver = Connection(h2.config.H2Configuration(client_side=False))
    sender = Connection(h2.config.H2Configuration(client_side=True))
    sender.initiate_connection()
    for message in sender.messages():
        receiver.receive_data(message)
    size = receiver.max_inbound_frame_size + 1
    receiver.receive_data(size.to_bytes(3, "big") + b"\0\0\0\0\0\1")
    with pytest.raises(h2.exceptions.FrameTooLargeError):
        receiver.receive_data(bytes(size))
