"""One client's TCP stream as trio-websocket sees it: metered on the way in, closed by us alone.

trio-websocket decides when a conversation is over, but three things it leaves undone, each seen
with 0.12.2: it sends no close frame when the peer's frames are illegal (the peer sees 1006, never
1002 or 1007), it leaves the socket open after a message that is too big, and it closes at once with
bytes unread, upon which the kernel sends RST and the close frame before it is lost. So it gets this
stream instead of the socket: its `aclose` only takes note, and `finish` does the rest.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import trio
from trio_websocket import WebSocketConnection
from wsproto.frame_protocol import FrameProtocol

from protocol.frames import CloseCode

#: What a client may send: a hello of 4 KiB, then hardly more than pongs. Beyond it we read slowly.
INBOUND_BURST_BYTES = 32768
INBOUND_BYTES_PER_S = 4096.0
#: Bounds of the time that a peer has to read our close frame and close its side.
LINGER_S = 1.0
_LINGER_BYTES = 4 << 20
#: Kernel memory of one slow reader; grown by itself it would be up to 4 MiB.
_SEND_BUFFER_BYTES = 65536
#: What h11 takes for the head of a request.
_PEEK_BYTES = 16384
_RECEIVE_BYTES = 4096
#: Frames of one message. Empty ones count towards no size limit, so they are counted one by one.
MAX_FRAGMENTS = 256

#: First byte of a close frame: FIN and opcode 8.
_CLOSE_FRAME = b"\x88"
#: Codes that only ever describe an end, and are never sent (RFC 6455, 7.4.1).
_NEVER_SENT = {1005, 1006, 1015}
#: For a stream that never became a WebSocket.
NO_FAREWELL = 1006
#: SO_LINGER on, for no time: close with RST and give back the send buffer.
_RESET = struct.pack("ii", 1, 0)


class TokenBucket:
    """Meters a flow: *rate* a second in the long run, *burst* at once. It has no clock."""

    __slots__ = ("_burst", "_filled_at", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._filled_at = now

    def take(self, amount: float, now: float) -> float:
        """Take *amount* out and return how many seconds it came too early; 0 when in time."""
        self._level = min(self._burst, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._level -= amount
        return max(0.0, -self._level / self._rate)


class ClientStream(trio.abc.Stream):
    """The stream under one WebSocket; see the module's head.

    Args:
        stream: the accepted socket; `finish` closes it, and nothing else does.
    """

    __slots__ = (
        "_ahead",
        "_begun",
        "_close_sent",
        "_ended",
        "_head",
        "_inbound",
        "_stream",
        "_torn",
        "on_end",
        "refusal",
        "websocket",
    )

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._inbound = TokenBucket(INBOUND_BYTES_PER_S, INBOUND_BURST_BYTES, trio.current_time())
        #: A request that was looked at, what came behind it, and until when that must wait.
        self._head: bytes | bytearray = b""
        self._ahead: bytes | bytearray = b""
        self._begun: trio.Event | None = None
        self._close_sent = False
        self._ended = False
        self._torn = False
        #: Called when the peer has ended, or trio-websocket has finished with the stream.
        self.on_end: Callable[[], object] | None = None
        #: The WebSocket on this stream, once its handshake is done.
        self.websocket: WebSocketConnection | None = None
        #: Why this stream has stopped reading: the close code and a sentence.
        self.refusal: tuple[int, str] | None = None
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send one frame, the handshake's answer, or nothing: trio-websocket does each in one call.

        Cancelled on its way, it may have sent part, and then nothing more can be said; cancelled
        before that, it has sent nothing, and a farewell can follow.

        Raises:
            trio.BrokenResourceError: the peer has gone, or the frame before was cut off.
        """
        if self._torn:
            raise trio.BrokenResourceError("the frame before was cut off")
        await trio.lowlevel.checkpoint_if_cancelled()
        self._close_sent |= bytes(data[:1]) == _CLOSE_FRAME
        self._torn = True
        await self._stream.send_all(data)
        self._torn = False

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel takes more."""
        await self._stream.wait_send_all_might_not_block()

    async def peek_head(self) -> bytes:
        """Return the head of a request, up to its empty line; it is received later once more.

        Waits until it is whole, or so long that it can be none, or the peer ends. What comes behind
        it is held back until `begin`.
        """
        while b"\r\n\r\n" not in self._ahead and len(self._ahead) < _PEEK_BYTES:
            data = await self._receive(_RECEIVE_BYTES)
            if not data:
                break
            self._ahead += data
        head, mark, rest = self._ahead.partition(b"\r\n\r\n")
        if mark:
            self._head, self._ahead = head + mark, rest
            self._begun = trio.Event()
            return bytes(self._head)
        return bytes(head)

    def begin(self, websocket: WebSocketConnection) -> None:
        """Let *websocket* receive, for its handshake is done; what came early is first.

        wsproto would throw away what it gets before it has answered the request.
        """
        self.websocket = websocket
        if self._begun is not None:
            self._begun.set()
            self._begun = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive what has come, at the pace that `INBOUND_BYTES_PER_S` allows."""
        if self._head:
            data, self._head = self._head, b""
            return data
        if self._begun is not None:
            await self._begun.wait()
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        return await self._receive(max_bytes)

    async def _receive(self, max_bytes: int | None) -> bytes | bytearray:
        # trio-websocket keeps every frame of an unfinished message and tells nobody how many.
        if self.websocket is not None and len(self.websocket._message_parts) > MAX_FRAGMENTS:
            self.refusal = (CloseCode.TOO_BIG, f"a message of over {MAX_FRAGMENTS} frames")
            return b""
        try:
            data = await self._stream.receive_some(max_bytes)
        except trio.BrokenResourceError:
            self._end()
            raise
        if not data:
            self._end()
        elif early_s := self._inbound.take(len(data), trio.current_time()):
            await trio.sleep(early_s)
        return data

    async def aclose(self) -> None:
        """Take note that trio-websocket has finished; the socket stays open until `finish`."""
        if self.on_end is not None:
            self.on_end()

    async def finish(self, code: int, reason: str) -> None:
        """Close the socket, so that the peer gets the close frame even now.

        Sends it with *code* and *reason* if none has gone out, ends our side, and reads what still
        comes until the peer ends his, for at most `LINGER_S`: closing a socket with bytes unread
        would make the kernel throw away what the peer has not read. A peer who takes no more gets
        RST. Cancelled, it closes at once.

        Then it lets go of the WebSocket, so that both are freed at once (`gateway.garbage`).
        """
        try:
            with trio.move_on_after(LINGER_S):
                if self._torn:
                    self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                elif not self._ended:
                    await self._part(code, reason)
        except trio.BrokenResourceError:
            # Gone already: nobody is there to be told.
            pass
        finally:
            self._break_cycles()
            await trio.aclose_forcefully(self._stream)

    def _break_cycles(self) -> None:
        websocket, self.websocket, self.on_end = self.websocket, None, None
        connection = websocket._wsproto.connection if websocket is not None else None
        if connection is not None:
            _break_cycle(connection._proto)

    async def _part(self, code: int, reason: str) -> None:
        if not self._close_sent and code not in _NEVER_SENT:
            protocol = FrameProtocol(False, [])
            _break_cycle(protocol)
            await self._stream.send_all(protocol.close(code, reason))
        await self._stream.send_eof()
        left_bytes = _LINGER_BYTES
        while left_bytes > 0 and (data := await self._stream.receive_some(65536)):
            left_bytes -= len(data)

    def _end(self) -> None:
        self._ended = True
        if self.on_end is not None:
            self.on_end()


def _break_cycle(protocol: FrameProtocol) -> None:
    """Take from *protocol*, which parses no more, the generator that refers to it."""
    del protocol._parse_more
