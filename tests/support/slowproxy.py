"""A TCP proxy on loopback that holds every byte back for a while: a registry that is far away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PIECE = 64 * 1024


@dataclass
class SlowProxy:
    """A running proxy.

    Attributes:
        address: `127.0.0.1:port`.
        connections: that were made through it.
    """

    address: str = ""
    connections: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)


@contextmanager
def run_slow_proxy(target: str, delay_s: float) -> Iterator[SlowProxy]:
    """Pass connections on to `target` until the block ends, each byte `delay_s` late each way."""
    loop, proxy, ready = asyncio.new_event_loop(), SlowProxy(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        proxy.address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]  # noqa: UP031
        ready.set()
        await stop.wait()
        server.close()
        for task in proxy._tasks:
            task.cancel()
        await asyncio.gather(*proxy._tasks, return_exceptions=True)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.connections += 1
        task = asyncio.current_task()
        if task is not None:
            proxy._tasks.add(task)
            task.add_done_callback(proxy._tasks.discard)
        host, _, port = target.rpartition(":")
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.sleep(delay_s)
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
            pumps = (
                asyncio.create_task(_pump(reader, far_writer, delay_s)),
                asyncio.create_task(_pump(far_reader, writer, delay_s)),
            )
            try:
                await asyncio.gather(*pumps)
            finally:
                for pump in pumps:
                    pump.cancel()
                far_writer.close()
        writer.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Copy until the end; what was read later is written later."""
    loop = asyncio.get_running_loop()
    due = 0.0
    while data := await reader.read(PIECE):
        due = max(due + 1e-6, loop.time() + delay_s)
        loop.call_at(due, writer.write, data)
    await asyncio.sleep(max(0.0, due - loop.time()) + delay_s)
    with suppress(OSError, RuntimeError):
        writer.write_eof()
