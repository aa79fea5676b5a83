"""Frames: what is packed comes back, and no bytes at all make a parser do anything but refuse."""

import socket

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Grade, Job, Limits, SandboxError, frames, job, launcher, open_sandbox, run
from sandbox.launched import launcher_command

from .drive import IMAGE, settle

names = st.binary(min_size=1, max_size=40).filter(
    lambda name: name not in (b".", b"..") and not {0, 47} & set(name)
)
texts = st.binary(max_size=200).filter(lambda text: 0 not in text)
limits = st.builds(
    job.LimitNumbers,
    st.floats(0.001, 1e5),
    st.floats(0.001, 1e5),
    *[st.integers(0, 2**63)] * 2,
    st.integers(1, 2**31),
    *[st.integers(0, 2**63)] * 4,
    st.integers(1, 2**31),
)
jobs = st.builds(
    job.WireJob,
    limits,
    st.lists(texts, min_size=1, max_size=5),
    st.lists(st.builds(lambda a, b: a + b"=" + b, names, texts), max_size=5),
    st.lists(st.tuples(names, st.booleans()), max_size=5),
    st.lists(names, max_size=5),
    st.booleans(),
    st.booleans(),
    st.integers(job.ANY_CORE, 2**31 - 1),
)
outcomes = st.builds(
    job.Outcome,
    st.sampled_from(job.REASONS),
    st.integers(0, 2**16),
    st.integers(0, 2**31),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.floats(0, 1e9),
    st.integers(0, 2**63),
    st.booleans(),
    st.booleans(),
)


@given(jobs)
def test_job_comes_back_as_it_was_packed(wanted: job.WireJob) -> None:
    """A job survives its frame."""
    assert job.unpack_job(job.pack_job(wanted), 1 + len(wanted.files) + wanted.talks) == wanted


@given(
    outcomes,
    st.one_of(st.none(), st.lists(st.binary(max_size=100), min_size=2, max_size=2)),
    st.lists(st.tuples(names, st.booleans()), max_size=5),
)
def test_outcome_comes_back_as_it_was_packed(outcome, output, files) -> None:
    """An outcome survives its frame."""
    assert job.unpack_outcome(job.pack_outcome(outcome, output, files)) == (outcome, output, files)


@given(st.binary(max_size=400), st.integers(0, 10))
def test_parsers_refuse_what_they_do_not_know(data: bytes, fds: int) -> None:
    """Any bytes make a frame or FrameError, and nothing else."""
    for kind in (job.RUN, job.DONE, run.FAILED, run.GO):
        for parse in (
            lambda frame: job.unpack_job(frame, fds),
            job.unpack_outcome,
            run.read_failure,
            lambda frame: frames.unpack_frame(frame, run.GO_HEAD, 3),
            lambda frame: frames.unpack_frame(frame, launcher.OPEN_HEAD, 1),
        ):
            try:
                parse(kind + data)
            except frames.FrameError:
                continue


@given(jobs, st.data())
def test_job_cut_short_or_changed_is_refused_or_a_job(wanted: job.WireJob, data) -> None:
    """A frame that was cut is refused; one with a changed byte is refused or still a whole job."""
    frame = job.pack_job(wanted)
    cut = data.draw(st.integers(1, len(frame) - 1))
    with pytest.raises(frames.FrameError):
        job.unpack_job(frame[:cut], 1 + len(wanted.files) + wanted.talks)
    at = data.draw(st.integers(1, len(frame) - 1))
    changed = frame[:at] + bytes([frame[at] ^ data.draw(st.integers(1, 255))]) + frame[at + 1 :]
    try:
        job.unpack_job(changed, 1 + len(wanted.files) + wanted.talks)
    except frames.FrameError:
        return


def test_frames_over_the_cap_are_refused() -> None:
    """Neither packing nor receiving goes over the cap on bytes or descriptors."""
    with pytest.raises(frames.FrameError):
        frames.pack_frame(b"x", b"", [bytes(frames.MAX_BYTES)])
    ours, theirs = frames.make_pair()
    with ours, theirs:
        with pytest.raises(frames.FrameError):
            frames.send(ours, b"x", [0] * (frames.MAX_FDS + 1))
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.send(bytes(frames.MAX_BYTES + 100))
        with pytest.raises(frames.FrameError):
            frames.receive(theirs)


@settings(max_examples=25)
@given(
    st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4),
    st.integers(0, 3),
    st.booleans(),
)
def test_launcher_survives_or_ends_on_any_frames(
    garbage: list[bytes], fds: int, is_started: bool
) -> None:
    """Row 108. Whatever a launcher is told, it ends by itself when its socket closes; nothing survives."""

    async def talk() -> None:
        ours, theirs = frames.make_pair()
        with ours:
            with theirs:
                process = await trio.lowlevel.open_process(
                    launcher_command(theirs.fileno()), pass_fds=[theirs.fileno()], env={}, stderr=-3
                )
            if is_started:
                frames.send(ours, launcher.pack_start(IMAGE, ()))
                ours.settimeout(60)
                answer, _ = frames.receive(ours)
                assert answer[:1] == launcher.READY  # else all that follows would hit a closed door
            kind = launcher.OPEN if is_started else launcher.START
            for frame in garbage:
                try:
                    frames.send(ours, kind + frame, [0] * fds)
                    frames.send(ours, frame, [0] * fds)
                except (BrokenPipeError, ConnectionResetError):
                    break
        with trio.fail_after(120):
            await process.wait()
            assert await settle(0) == 0
        assert process.returncode in (0, 1, 2)

    trio.run(talk)


@settings(max_examples=25)
@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3))
def test_warden_refuses_any_frames_and_is_replaced(garbage: list[bytes]) -> None:
    """A warden that is told nonsense says so or ends; the box's next run is as ever."""

    async def talk() -> None:
        limits = Limits(time_s=5, wall_s=10, memory_bytes=1 << 28, output_bytes=1 << 20)
        echo = Job(argv=("/bin/echo", "fine"), limits=limits)
        with trio.fail_after(120):
            async with open_sandbox(slots=1, image=IMAGE, grade=Grade.REDUCED) as sandbox:
                (box,) = sandbox.boxes
                warden = box._cell._warden
                for frame in garbage:
                    try:
                        frames.send(warden, frame)
                    except (BrokenPipeError, ConnectionResetError, BlockingIOError):
                        break
                try:
                    await box.run(echo)
                except SandboxError:
                    assert (await box.run(echo)).stdout == b"fine\n"
            assert await settle(0) == 0

    trio.run(talk)
