"""A slow line to servers on this machine: a proxy, in a process of its own.

    python -P slow_line.py SECONDS PORT...      prints the ports it listens on, as JSON, and ends with its standard input

What a client sends is held back for that time, and answers go straight through: each request takes that much longer, as with a cluster
elsewhere.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_CHUNK = 64 * 1024


@contextmanager
def slow_line(seconds: float, ports: Sequence[int]) -> Iterator[list[int]]:
    """Start it in front of these ports of 127.0.0.1; yields its own ports in the same order."""
    command = [sys.executable, "-P", __file__, str(seconds), *map(str, ports)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        # Its standard input is closed at the end of the block, and with that it ends.
        yield json.loads(child.stdout.readline() if child.stdout else "")


async def serve(seconds: float, ports: Sequence[int]) -> None:
    """Listen for each port on another one, until standard input ends."""
    servers = [await asyncio.start_server(_Line(seconds, port).meet, "127.0.0.1", 0) for port in ports]
    sys.stdout.write(json.dumps([server.sockets[0].getsockname()[1] for server in servers]) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


class _Line:
    def __init__(self, seconds: float, port: int) -> None:
        self._seconds = seconds
        self._port = port

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a connection on."""
        try:
            there = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass(reader, there[1], self._seconds), _pass(there[0], writer, 0.0), return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on what comes, each piece so long after it came: the line is long, not narrow."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def send() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                return
            writer.write(piece)
            await writer.drain()

    sending = asyncio.create_task(send())
    try:
        while piece := await reader.read(_CHUNK):
            pieces.put_nowait((loop.time() + seconds, piece))
        pieces.put_nowait((loop.time() + seconds, b""))
        await sending
    finally:
        sending.cancel()
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
