"""Frames between worker, launcher, warden, cell and run: bytes with a cap, and a total parser.

Each frame is one message of a SOCK_SEQPACKET socket: a kind byte, then fixed numbers, then lists
of byte strings. Descriptors travel beside it. A peer that sends anything else gets FrameError,
never a guess.
"""

import array
import os
import socket
import struct

MAX_BYTES = 128 * 1024  # below the default socket buffer (208 KiB) with room for the kernel's own
MAX_FDS = 250  # the kernel takes 253 (SCM_MAX_FD)
_COUNT = struct.Struct("<H")
_LENGTH = struct.Struct("<I")
_FD_SPACE = socket.CMSG_SPACE(MAX_FDS * array.array("i").itemsize)


class FrameError(Exception):
    """The other end sent something that is not a frame of this protocol."""


def pack_strings(strings: list[bytes]) -> bytes:
    """Return *strings* as a count, then each with its length."""
    parts = [_COUNT.pack(len(strings))]
    for string in strings:
        parts.append(_LENGTH.pack(len(string)))
        parts.append(string)
    return b"".join(parts)


def unpack_strings(data: bytes, offset: int) -> tuple[list[bytes], int]:
    """Return the list of strings at *offset* and the offset behind it."""
    try:
        (count,) = _COUNT.unpack_from(data, offset)
        offset += _COUNT.size
        strings = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(data, offset)
            offset += _LENGTH.size
            if length > len(data) - offset:
                raise FrameError("string is longer than its frame")
            strings.append(data[offset : offset + length])
            offset += length
    except struct.error as exc:
        raise FrameError("frame ends early") from exc
    return strings, offset


def pack_frame(kind: bytes, head: bytes = b"", *lists: list[bytes]) -> bytes:
    """Return one frame; raises FrameError when it is over the cap."""
    frame = b"".join((kind, head, *(pack_strings(strings) for strings in lists)))
    if len(frame) > MAX_BYTES:
        raise FrameError(f"frame of {len(frame)} bytes, at most {MAX_BYTES} are allowed")
    return frame


def unpack_frame(frame: bytes, head: struct.Struct, lists: int) -> tuple[tuple, list[list[bytes]]]:  # type: ignore[type-arg]
    """Return the numbers and the *lists* lists of a frame whose kind is known."""
    try:
        numbers = head.unpack_from(frame, 1)
    except struct.error as exc:
        raise FrameError("frame ends early") from exc
    offset = 1 + head.size
    found = []
    for _ in range(lists):
        strings, offset = unpack_strings(frame, offset)
        found.append(strings)
    if offset != len(frame):
        raise FrameError("bytes after the end of a frame")
    return numbers, found


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected ends that keep message boundaries."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(sock: socket.socket, frame: bytes, fds: list[int] | None = None) -> None:
    """Send one frame with *fds*; never raises SIGPIPE."""
    if fds:
        if len(fds) > MAX_FDS:
            raise FrameError(f"{len(fds)} descriptors, at most {MAX_FDS} are allowed")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds).tobytes())]
        sock.sendmsg([frame], rights, socket.MSG_NOSIGNAL)
    else:
        sock.send(frame, socket.MSG_NOSIGNAL)


def receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    """Return the next frame and its descriptors; an empty frame means that the peer is gone."""
    try:
        message = sock.recvmsg(MAX_BYTES + 1, _FD_SPACE, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        # The peer ended with something unread. The kernel tells that first, and once; what the peer
        # had said before, such as why it ended, still waits.
        message = sock.recvmsg(MAX_BYTES + 1, _FD_SPACE, socket.MSG_CMSG_CLOEXEC)
    frame, ancillary, flags, _ = message
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        close_fds(fds.tolist())
        raise FrameError("frame or descriptors over the cap")
    return frame, fds.tolist()


def close_fds(fds: list[int]) -> None:
    """Close every descriptor of *fds*."""
    for fd in fds:
        os.close(fd)
