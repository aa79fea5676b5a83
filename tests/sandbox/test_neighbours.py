"""What a program could leave to the next in its slot, or take from the one in the next slot."""

import contextlib
import ctypes
import mmap
import os
import pydoc
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from sandbox import Box, Grade, Job, Limits, RunStatus, Tier, open_sandbox
from sandbox.attack import COMMAND

from .conftest import Start
from .drive import IMAGE, descendants, wait_until
from .seek import SEEK

LIMITS = Limits(time_s=30, wall_s=90, memory_bytes=256 << 20, output_bytes=1 << 20)
TIERS: list[Tier] = ["exec", "fork"]
PATIENCE_S = 120


def python(code: str, tier: Tier = "exec", stdin: bytes = b"") -> Job:
    """Return the job of a Python program."""
    return Job(
        argv=COMMAND.argv,
        env=COMMAND.env,
        files={"main.py": code.encode()},
        stdin=stdin,
        limits=LIMITS,
        tier=tier,
    )


async def run(box: Box, job: Job) -> str:
    """Return what a program that ends well prints."""
    result = await box.run(job)
    assert (result.status, result.tier) == (RunStatus.OK, job.tier), result
    return result.stdout.decode().strip()


def names(pids: Sequence[int]) -> list[str]:
    """Return the names of those of *pids* that live."""
    found = []
    for pid in pids:
        try:
            found.append(Path(f"/proc/{pid}/comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


#: Takes of everything that the kernel counts by user, says so by its name, and keeps it.
HOG = """
import ctypes, fcntl, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
for number in range(20):
    pid = os.fork()
    if pid == 0:
        break
watch = libc.inotify_init1(0)
while libc.inotify_init1(0) >= 0:
    pass
for folder, _, files in os.walk("/usr/lib"):
    if libc.inotify_add_watch(watch, folder.encode(), 2) < 0:
        break
signal.pthread_sigmask(signal.SIG_BLOCK, {40})
while libc.sigqueue(os.getpid(), 40, 0) == 0:
    pass
try:
    while True:
        fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)
except OSError:
    pass
libc.prctl(15, b"has-it-all")
time.sleep(1000)
"""

#: What is left for an honest program.
MODEST = """
import ctypes, fcntl, os, signal
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init1(0)
watches = sum(libc.inotify_add_watch(watch, f"/usr/{name}".encode(), 2) > 0 for name in ("lib", "bin"))
signal.pthread_sigmask(signal.SIG_BLOCK, {40})
signals = sum(libc.sigqueue(os.getpid(), 40, 0) == 0 for _ in range(100))
print(watch >= 0, watches, signals, fcntl.fcntl(os.pipe()[1], 1031, 1 << 18))
"""
CONTENT = f"True 2 100 {1 << 18}"


async def hog(box: Box) -> None:
    """Run the greedy program until cancelled."""
    result = await box.run(python(HOG))
    raise AssertionError(f"it ended: {result}")


@pytest.mark.skipif(os.geteuid() != 0, reason="programs of an ordinary user share one user")
@pytest.mark.parametrize(("without", "content"), [([], True), (["quotas"], False)])
async def test_program_can_not_use_up_what_the_kernel_counts_by_user(
    without: list[str], content: bool
) -> None:
    """Row 73. Inotify, signals and pipes that one slot hoards lack neither the next nor the host.

    The kernel charges a namespace's inotify instances to its maker, too, who is root for all
    slots: without the cell's own cap there is none left for anybody.
    """
    libc = ctypes.CDLL(None)
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=2, image=IMAGE, grade=Grade.REDUCED, _without=without
        ) as sandbox:
            greedy, modest = sandbox.boxes
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hog, greedy)
                await wait_until(lambda: names(descendants(os.getpid())).count("has-it-all") >= 20)
                seen = await modest.run(python(MODEST))
                ours = libc.inotify_init1(0)
                nursery.cancel_scope.cancel()
    if ours >= 0:
        os.close(ours)
    assert (seen.stdout.decode().strip() == CONTENT) is content, seen
    assert (ours >= 0) is content


def test_descriptors_in_flight_keep_no_neighbour_from_running(start: Start) -> None:
    """Programs of an ordinary user may fill what he may send; his wardens may send more."""
    process = start("ordinary", "in_flight.py")
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert output.decode().splitlines() == ["ok fine"] * 4


#: A file of the image that no program reads by chance.
RARE = Path(pydoc.__file__).parent / "pydoc_data" / "topics.py"
#: Has the kernel drop it from memory, as far as that is its affair.
EVICT = f"""
import os
fd = os.open({str(RARE)!r}, os.O_RDONLY)
for _ in range(20):
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
"""


def count_resident(path: Path) -> tuple[int, int]:
    """Return how many pages of *path* are in memory, and how many there are; needs root."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    size = ctypes.c_size_t(path.stat().st_size)
    pages = (ctypes.c_ubyte * -(-size.value // mmap.PAGESIZE))()
    with path.open("rb") as file:
        place = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    place = ctypes.c_void_p(place)
    assert libc.mincore(place, size, pages) == 0
    libc.munmap(place, size)
    return sum(page & 1 for page in pages), len(pages)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the owner of a file is told what is in memory")
@pytest.mark.parametrize(("without", "kept"), [([], True), (["outer seccomp", "seccomp"], False)])
async def test_program_can_not_have_the_image_read_from_disk_again(
    without: list[str], kept: bool
) -> None:
    """Row 74. What the image's files hold stays in memory, whatever a program advises."""
    RARE.read_bytes()
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, _without=without
        ) as sandbox:
            await run(sandbox.boxes[0], python(EVICT))
    resident, pages = count_resident(RARE)
    assert (resident == pages) is kept


#: What somebody else knows: the worker, an earlier run's input and code.
CANARY = "=".join(["gavel", "canary", "77"])
#: What finds it, and is not found by itself.
PATTERN = 'rb"gavel[=]canary[=]77"'


@pytest.mark.parametrize("tier", TIERS)
async def test_memory_of_a_program_holds_nothing_of_others(
    tier: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows 85, 92. A word that the worker, its environment and the runs before know is nowhere.

    The same scan finds the word when the program itself holds it.
    """
    monkeypatch.setenv("GAVEL_CANARY", CANARY)
    scan = SEEK + f"found = seek({PATTERN})\nprint(len(found), found[:3])"
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND
        ) as sandbox:
            (box,) = sandbox.boxes
            for _ in range(2):
                held = f"import sys\nheld = [sys.stdin.read() + str(n) for n in range(1000)]\n# {CANARY}\n"
                await run(box, python(held, tier, stdin=CANARY.encode() * 1000))
            assert await run(box, python(scan, tier)) == "0 []"
            known = await run(box, python("import sys\nheld = sys.stdin.read()\n" + scan, tier, CANARY.encode()))  # fmt: skip
            assert int(known.split()[0]) > 0


#: Everything about an interpreter and its process that a program could have changed for the next.
STATE = r"""
import builtins, codecs, ctypes, faulthandler, gc, locale, os, resource, signal, sys, threading, warnings
print(sorted(sys.modules), sorted(vars(builtins)), sys.path, sys.meta_path, sys.flags, sys.argv)
print([str(hook).partition(" at ")[0] for hook in sys.path_hooks], len(sys.path_importer_cache))
print(sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile(), gc.get_threshold())
print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, len(gc.callbacks))
print(sys.get_int_max_str_digits(), sys.dont_write_bytecode, threading.stack_size(), threading.active_count())
print(warnings.filters, faulthandler.is_enabled(), locale.setlocale(locale.LC_ALL), os.environ, os.getcwd())
print([signal.getsignal(n) for n in range(1, 65) if n not in (32, 33)], signal.pthread_sigmask(0, ()), signal.getitimer(0))
print([resource.getrlimit(n) for n in range(16)], os.getpriority(0, 0), os.sched_getaffinity(0), os.umask(0o077))
print(int("7"), abs(-7), None, repr(True), list(map(str, range(300)))[250:], "x".upper(), os.getpid(), os.getppid())
"""
POISON = r"""
import atexit, builtins, codecs, ctypes, gc, os, resource, signal, sys, threading
for pid in (os.getppid(), 0 - os.getppid(), -1):
    for number in range(1, 65):
        if number not in (9, 19, 20, 21, 22) or pid == os.getppid():
            try:
                signal.signal(number, signal.SIG_IGN) if number not in (9, 19, 32, 33) else None
                os.kill(pid, number)
            except (OSError, ValueError):
                pass
builtins.print, builtins.len, builtins.__import__ = str, abs, None
sys.path[:], sys.path_hooks[:], sys.meta_path[:] = [], [], []
sys.setrecursionlimit(77); sys.setswitchinterval(5); gc.set_threshold(1); gc.disable(); threading.stack_size(1 << 20)
os.nice(5); os.umask(0); os.chdir("/"); os.environ.clear(); os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
atexit.register(os.write, 1, b"left"); sys.excepthook = print; codecs.register(lambda _: None)
for each in gc.get_objects():  # what the interpreter was started with, as far as it can be found
    try:
        each.clear() if type(each) in (list, set) else each.update(poison=1) if type(each) is dict else None
    except Exception:
        pass
# The small integer 7 is one object for all; here it becomes 42.
ctypes.c_uint32.from_address(id(7) + 24).value = 42
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("tier", TIERS)
async def test_state_of_the_interpreter_is_as_ever_for_the_next_program(tier: Tier) -> None:
    """Row 86. What a program does to the interpreter that it forked from is its own affair."""
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND
        ) as sandbox:
            (box,) = sandbox.boxes
            before = await run(box, python(STATE, tier))
            keeper = await cell_at_rest()
            for _ in range(4):
                killed = await box.run(python(POISON, tier))
                assert killed.status is RunStatus.RUNTIME_ERROR
                assert killed.signal == 9, killed
                assert await run(box, python(STATE, tier)) == before
            assert await cell_at_rest() == keeper


async def cell_at_rest() -> tuple[object, ...]:
    """Return what the process that runs fork from is and holds, as far as this user may look."""
    cell = descendants(os.getpid())[2]
    place = Path(f"/proc/{cell}")
    if os.geteuid() != 0:
        return (cell,)

    seen: list[set[str]] = []

    def is_at_rest() -> bool:
        with contextlib.suppress(FileNotFoundError):  # closed while we look
            links = {str(each.readlink()) for each in (place / "fd").iterdir()}
            # It waits for the ends of the runs that are parked: others each time.
            seen.append({link for link in links if "pidfd" not in link})
        # Its input, its output, its socket; what more there is belongs to a run that it parks.
        return bool(seen) and len(seen[-1]) == 3

    await wait_until(is_at_rest)
    lines = (place / "maps").read_text().splitlines()
    return cell, seen[-1], [line.split()[1:5] for line in lines if "/" in line]


@pytest.mark.parametrize("tier", TIERS)
async def test_random_numbers_differ_from_run_to_run(tier: Tier) -> None:
    """Row 87. Each run draws its own, whatever module it asks."""
    code = (
        "import os, random, secrets, tempfile, uuid\n"
        "print(random.random(), os.urandom(8).hex(), secrets.token_hex(), uuid.uuid4(), tempfile.mktemp())\n"
    )
    drawn = set()
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=1, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND
        ) as sandbox:
            for _ in range(8):
                drawn |= set((await run(sandbox.boxes[0], python(code, tier))).split())
    assert len(drawn) == 8 * 5


@pytest.mark.parametrize("tier", TIERS)
async def test_layout_of_memory_differs_from_slot_to_slot(tier: Tier) -> None:
    """Row 84. What a program learns of addresses says nothing about those in another slot.

    Of hash seeds there is nothing to guess: Gavel gives all programs the same, on purpose.
    """
    code = "import ctypes\nprint(id(object), id([]), ctypes.addressof(ctypes.c_int(1)))\n"
    found = []
    with trio.fail_after(PATIENCE_S):
        async with open_sandbox(
            slots=2, image=IMAGE, grade=Grade.REDUCED, interpreter=COMMAND
        ) as sandbox:
            found = [set((await run(box, python(code, tier))).split()) for box in sandbox.boxes]
    assert not found[0] & found[1]
