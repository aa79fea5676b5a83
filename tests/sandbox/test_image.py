"""What a program sees of the host's files: a slot's own overlay, or folders bound with care."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from sandbox import Box, Grade, Image, Job, Limits, open_sandbox, usual_paths

from .drive import descendants, wait_until
from .test_neighbours import names

LIMITS = Limits(time_s=5, wall_s=90, memory_bytes=256 << 20, output_bytes=1 << 20)
PYTHON = "/usr/bin/python3"

#: Holds what it can of a file that all slots see, and listens for what others do to it; its name
#: says how far it is.
HOLD = """
import ctypes, fcntl, os, select, time
libc = ctypes.CDLL(None, use_errno=True)
file = os.open("/usr/bin/env", os.O_RDONLY)
try:
    fcntl.flock(file, fcntl.LOCK_EX)
except OSError:
    pass
watch = libc.inotify_init1(os.O_NONBLOCK)
if watch >= 0:
    libc.inotify_add_watch(watch, b"/usr/bin/env", 0x20)
libc.prctl(15, b"holds")
if watch >= 0:
    select.select([watch], [], [])
    libc.prctl(15, b"noticed")
time.sleep(1000)
"""
#: Opens and locks that file again and again, until it notices somebody or so many seconds are over.
TRY = """
import fcntl, os, sys, time
noticed = "nothing"
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end and noticed == "nothing":
    file = os.open("/usr/bin/env", os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        noticed = "seen"
    except OSError:
        pass
    os.close(file)
    time.sleep(0.02)
print(noticed)
"""

#: Tries what lies in a folder of the image: says who answered.
VISIT = """
import os, socket
place = "{place}/"
try:
    socket.socket(socket.AF_UNIX).connect(place + "socket")
    print("socket")
except OSError:
    pass
try:
    fd = os.open(place + "pipe", os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, b"news")
    print("pipe")
except OSError:
    pass
print(sorted(os.listdir(place)), os.path.exists(place + "secret/file"))
"""


async def run_python(box: Box, code: str, *arguments: str) -> list[str]:
    """Return the lines that *code* prints."""
    argv = (PYTHON, "-I", "-c", code, *arguments)
    result = await box.run(Job(argv=argv, limits=LIMITS))
    assert result.exit_code == 0, result
    return result.stdout.decode().splitlines()


async def spy(without: list[str], patience_s: float) -> list[str]:
    """Return what two programs in two slots noticed of each other through a file of the image."""
    image = Image(usual_paths())
    async with (
        open_sandbox(slots=2, image=image, grade=Grade.REDUCED, _without=without) as sandbox,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(run_python, sandbox.boxes[0], HOLD)
        await wait_until(lambda: "holds" in names(descendants(os.getpid())))
        found = await run_python(sandbox.boxes[1], TRY, str(patience_s))
        with trio.move_on_after(patience_s):
            await wait_until(lambda: "noticed" in names(descendants(os.getpid())))
        found.append("seen" if "noticed" in names(descendants(os.getpid())) else "nothing")
        nursery.cancel_scope.cancel()
    return found


@pytest.mark.parametrize(
    ("without", "noticed"),
    [([], "nothing"), (["overlay"], "nothing"), (["overlay", "shared files"], "seen")],
)
async def test_slots_see_neither_locks_nor_accesses_of_each_other(
    without: list[str], noticed: str
) -> None:
    """Rows 78, 79. An overlay of its own keeps a slot's locks and watches in; else the filter does.

    With both left out, programs of two slots exchange news through a file that all may read.
    """
    with trio.fail_after(120):
        # What comes is waited for; for what must not come there is some time.
        assert await spy(without, 60 if noticed == "seen" else 0.7) == [noticed, noticed]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that all may read, and not below /tmp, where a program has its own."""
    with tempfile.TemporaryDirectory(prefix="gavel-image-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def strange_folder(place: Path) -> Iterator[None]:
    """Put a socket and a pipe of the host, both being waited at, and a secret into *place*."""
    (place / "secret").mkdir()
    (place / "secret" / "file").touch()
    (place / "plain").touch()
    os.mkfifo(place / "pipe", 0o666)
    (place / "pipe").chmod(0o666)
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place / "socket"))
        (place / "socket").chmod(0o666)
        listener.listen()
        yield
    os.close(reader)


@pytest.mark.parametrize(
    ("without", "answered"),
    [
        ([], []),
        (["landlock"], []),
        (["overlay"], []),
        (["overlay", "covers"], ["socket"]),
        (["overlay", "covers", "landlock"], ["socket", "pipe"]),
    ],
)
async def test_sockets_and_pipes_in_the_image_lead_nowhere(
    without: list[str], answered: list[str], place: Path
) -> None:
    """Row 20. What waits at a socket or pipe in a shown folder is not reached; hidden is hidden.

    An overlay is enough, and so are the covers; Landlock holds the pipe alone.
    """
    image = Image((*usual_paths(), str(place)), (str(place / "secret"), str(place / "not there")))
    with trio.fail_after(120), strange_folder(place):
        opening = open_sandbox(slots=1, image=image, grade=Grade.REDUCED, _without=without)
        async with opening as sandbox:
            *spoken, names = await run_python(sandbox.boxes[0], VISIT.format(place=place))
    assert spoken == answered
    assert names.endswith(" False")
    assert "plain" in names


#: Tries to gain by setuid and setgid programs, and to write where all may write.
GAIN = """
import os, subprocess, sys
place = sys.argv[1]
for name in ("setuid", "setgid"):
    print(subprocess.run([f"{place}/{name}", "-u" if name == "setuid" else "-g"], capture_output=True, text=True).stdout.strip())
for path in ("open/new", "open/file", "file"):
    try:
        os.close(os.open(f"{place}/{path}", os.O_WRONLY | os.O_CREAT))
        print("written")
    except OSError as exc:
        print(exc.strerror)
"""
REFUSED = ["1000", "1000", *["Read-only file system"] * 3]


@pytest.mark.parametrize("without", [[], ["overlay"], ["landlock"], ["landlock", "seccomp"]])
async def test_setuid_and_writable_files_of_the_image_give_nothing(
    without: list[str], place: Path
) -> None:
    """Rows 2, 12. They are shown as they are, and do nothing: read-only, nosuid, no new privileges.

    It holds for overlays and for bound folders, without asking what is in a folder.
    """
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755)):
        shutil.copy("/usr/bin/id", place / name)
        (place / name).chmod(mode)
    (place / "open").mkdir()
    for name in ("open/file", "file"):
        (place / name).touch()
        (place / name).chmod(0o666)
    (place / "open").chmod(0o1777)
    image = Image((*usual_paths(), str(place)))
    opening = open_sandbox(slots=1, image=image, grade=Grade.REDUCED, _without=without)
    with trio.fail_after(120):
        async with opening as sandbox:
            assert await run_python(sandbox.boxes[0], GAIN, str(place)) == REFUSED
    assert list((place / "open").iterdir()) == [place / "open" / "file"]


async def test_image_shows_mounts_below_its_folders(place: Path) -> None:
    """What is mounted inside a shown folder is there, too, although an overlay ends at mounts."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    inner = place / "inner"
    inner.mkdir()
    await trio.run_process(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(inner)])
    try:
        (inner / "deep").write_text("there\n")
        image = Image((*usual_paths(), str(place)))
        with trio.fail_after(120):
            async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
                lines = await run_python(sandbox.boxes[0], f"print(open('{inner}/deep').read())")
    finally:
        await trio.run_process(["umount", str(inner)])
    assert lines[0] == "there"


async def test_box_shows_a_folder_from_its_next_run_on(place: Path) -> None:
    """What is shown later is there whole, also for who looked before; what has gone is left out."""
    look = f"import os; print(os.path.exists('{place}/made/file'), os.path.exists('{place}'))"
    with trio.fail_after(120):
        async with open_sandbox(
            slots=1, image=Image(usual_paths()), grade=Grade.REDUCED
        ) as sandbox:
            (box,) = sandbox.boxes
            assert await run_python(box, look) == ["False False"]
            (place / "made").mkdir()
            (place / "made" / "file").touch()
            sandbox.show(place / "made")
            (place / "gone").mkdir()
            sandbox.show(place / "gone")
            (place / "gone").rmdir()
            with pytest.raises(FileNotFoundError):
                sandbox.show(place / "gone")
            for _ in range(2):
                assert await run_python(box, look) == ["True True"]


async def test_image_copies_small_files_and_refuses_large_ones(place: Path) -> None:
    """A file of the image is a copy, so nothing sticks to it; one too large is named."""
    small, large = place / "small", place / "large"
    small.write_text("copied\n")
    os.truncate(os.open(large, os.O_CREAT | os.O_WRONLY), 5 << 20)
    usual = usual_paths()
    with trio.fail_after(120):
        image = Image((*usual, str(small)))
        async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
            lines = await run_python(sandbox.boxes[0], f"print(open('{small}').read())")
        assert lines[0] == "copied"
        with pytest.RaisesExc(Exception, match="^image: .*large"):
            async with open_sandbox(
                slots=1, image=Image((*usual, str(large))), grade=Grade.REDUCED
            ):
                pass
