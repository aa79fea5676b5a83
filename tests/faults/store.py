"""The store dies, stands still, forgets, fills up, fails over, and its clock jumps."""

from __future__ import annotations

import re
import signal
from itertools import takewhile
from pathlib import Path

import httpx2
import redis
import trio

from daemons.gateway.outbox import parse_event
from tests.chaos.clients import User
from tests.conftest import running_store
from tests.faults.fault import Setup, TooLate, fault
from tests.faults.ground import Ground
from tests.faults.outside import follow, in_thread
from tests.system.conftest import submission

EVERYSEC = 'durability = "memory"'
#: How long a store that is down stays so: as long as the list of faults asks, not a tenth.
DOWN_S = 30.0
STILL_S = 40.0
LOST_BYTES = 20_000
CUTS = 60


async def load(ground: Ground, users: list[User], over: trio.Event) -> None:
    """Let *users* submit until *over*."""
    async with trio.open_nursery() as nursery:
        for user in users:
            nursery.start_soon(user.submit, ground.api, over)


async def ask(ground: Ground, user: User) -> httpx2.Response:
    """Submit once; what is answered 202 counts."""
    body = submission("print(1)", user_id=user.name)
    answer = await ground.http.post("/submissions", json=body)
    if answer.status_code == 202:
        user.accepted.add(answer.json()["id"])
    return answer


async def refused(ground: Ground, user: User, within_s: float) -> float:
    """Check that a submission is refused with 503 and Retry-After soon; return after how long."""
    begun = trio.current_time()
    answer = await ask(ground, user)
    took_s = trio.current_time() - begun
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    if took_s > within_s:
        raise TooLate(f"refused after {took_s:.1f} s, not within {within_s:g} s")
    return took_s


@fault(9, "store killed again and again")
async def kill_store(ground: Ground) -> str:
    """SIGKILL of the embedded store five times, 2 s apart, `appendfsync always`, under load."""
    users = [ground.user(f"u{number}") for number in range(3)]
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        # A user takes 503 and lost connections; any other answer is an error of his.
        nursery.start_soon(load, ground, users, over)
        for _ in range(5):
            await trio.sleep(2.0)
            pid = await ground.strike("store", signal.SIGKILL)
            await ground.replaced("store", [pid])
        over.set()
    accepted = sum(len(user.accepted) for user in users)
    refusals = sum(user.refused for user in users)
    return f"{accepted} accepted, none lost; {refusals} times 503 or cut off, never 500"


@fault(
    10, "the store forgets its last writes",
    Setup(server="valkey", options=("--appendfsync", "everysec"), store=EVERYSEC, checked=False),
)  # fmt: skip
async def forget(ground: Ground) -> str:
    """SIGKILL of a store on `everysec`, and 20 kB cut off its log, while users submit."""
    assert ground.store is not None
    users = [ground.user(f"u{number}") for number in range(3)]
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load, ground, users, over)
        await trio.sleep(3.0)
        await ground.until(lambda: all(len(user.over) >= 3 for user in users), "verdicts are told")
        ground.store.kill()
        (log,) = (ground.store.folder / "appendonlydir").glob("*.incr.aof")
        written = log.read_bytes()
        # At least so much, and something that somebody was told.
        told = max(id_ for user in users for id_ in user.events)
        told_at = written.rfind(b'"id":%d,' % told)
        kept_bytes = min(len(written) - LOST_BYTES, told_at if told_at >= 0 else len(written))
        log.write_bytes(written[: max(0, kept_bytes)])
        await trio.to_thread.run_sync(ground.store.start)
        # Whoever waits for a verdict that is forgotten waits no more than his patience.
        await trio.sleep(3.0)
        over.set()
    await ground.until(ground.ready, "all ready")
    gone = set()
    for user in users:
        for id_ in user.accepted:
            if not (await ground.record(id_, "status"))[0]:
                gone.add(id_)
        user.accepted -= gone

    async def kept_are_told() -> bool:
        return all([await history_of(ground, user) <= user.events.keys() for user in users])

    await ground.until(kept_are_told, "every kept event is told")
    await all_judged(ground, users)
    deceived = [user for user in users if user.events.keys() - await history_of(ground, user)]
    assert deceived, "nothing that anybody was told is gone"
    await ground.until(
        lambda: all(user.warned["fork"] for user in deceived), "who was told what is gone hears so"
    )
    await ground.check_restarts()
    # The log goes on from what was kept; a claim that both tell of was made once.
    before, after = tokens_of(written), tokens_of(log.read_bytes())
    shared = [*takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))]
    claims = before + after[len(shared) :]
    assert claims
    assert len(claims) == len(set(claims)), "a token was handed out twice"
    return (
        f"{len(gone)} of the accepted gone with their hash; all {len(deceived)} clients who were told"
        f" what is gone heard `fork`; {len(claims)} tokens, no two alike"
    )


async def history_of(ground: Ground, user: User) -> set[int]:
    """Return the ids of the events that the store keeps for *user*."""
    kept = await ground.asked(lambda: ground.broker.replay(user.name, None))
    return {parse_event(raw).id for raw in kept.events}


async def all_judged(ground: Ground, users: list[User]) -> None:
    """Wait until *users* were told the end of all that was accepted, and all of it has ended."""
    for user in users:
        await ground.judged(user, user.accepted)

    async def none_open() -> bool:
        # One that was judged and told may have been sent back into the queue since.
        ids = [id_ for user in users for id_ in user.accepted]
        statuses = {(await ground.record(id_, "status"))[0] for id_ in ids}
        return statuses <= {"done", "cancelled"}

    await ground.until(none_open, "each that was accepted is judged")


def tokens_of(log: bytes) -> list[bytes]:
    """Return the tokens of all claims that a store's log tells of."""
    return re.findall(rb"\r\ncompiling\r\n\$\d+\r\ntoken\r\n\$\d+\r\n(\w+)\r\n", log)


@fault(11, "store down for 30 s", Setup(server="valkey"))
async def down(ground: Ground) -> str:
    """The store is away for 30 s (real time) with 100 submissions queued."""
    assert ground.store is not None
    user = ground.user("u1")
    ids = [await ground.submit(user, "print(1)") for _ in range(100)]
    ground.store.kill()
    # Until somebody has asked, nobody can know.
    await ground.until(lambda: "store unreachable" in ground.log(), "it is noticed")
    took_s = await refused(ground, user, 1.0)
    await trio.sleep(DOWN_S - 1.0)
    await refused(ground, user, 1.0)
    await trio.to_thread.run_sync(ground.store.start)
    done_s = await ground.judged(user, ids, 10.0)
    return (
        f"503 after {took_s:.2f} s (bound 1); all done {done_s:.1f} s after its return (bound 10)"
    )


@fault(12, "store down at the start", Setup(server="valkey", wait=False, checked=False))
async def down_at_start(ground: Ground) -> str:
    """The store is killed before the daemons have come up, and comes later."""
    assert ground.store is not None
    ground.store.kill()

    async def degraded() -> bool:
        try:
            status = await ground.status()
        except Exception:  # noqa: BLE001 - it is not up yet
            return False
        found = [one for daemon in status["daemons"].values() for one in daemon["instances"]]
        return (
            bool(found) and not status["ready"] and all(one["state"] == "running" for one in found)
        )

    await ground.until(degraded, "all daemons are up, and not ready")
    await trio.to_thread.run_sync(ground.store.start)
    took_s = await ground.until(ground.ready, "ready", 3.0)
    await ground.check_restarts()
    return (
        f"up and not ready without it; ready {took_s:.1f} s after its start (bound 3), 0 restarts"
    )


@fault(13, "store stands still")
async def stand_still(ground: Ground) -> str:
    """SIGSTOP of the store for 40 s (real time) while users submit and watch."""
    users = [ground.user(f"u{number}") for number in range(2)]
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load, ground, users, over)
        await trio.sleep(1.0)
        pid = await ground.strike("store", signal.SIGSTOP)
        begun = trio.current_time()

        async def noticed() -> bool:
            (gateway,) = await ground.instances("gateway")
            return not gateway["ready"]

        noticed_s = await ground.until(noticed, "the gateway notices", 25.0)
        await trio.sleep_until(begun + STILL_S)
        ground.send(pid, signal.SIGCONT, "store")
        await ground.until(ground.ready, "ready again")
        over.set()
    return (
        f"the gateway noticed after {noticed_s:.0f} s (bound 25); no event missed, one final each"
    )


#: The embedded store's data on a file system of its own, in a mount namespace that goes with it.
SMALL_DISK = (
    *("unshare", "--mount", "--propagation", "private", "sh", "-c"),
    'mkdir -p var/store && mount -t tmpfs -o size=8m none var/store && exec "$@"',
    "sh",
)


def fill(folder: Path) -> Path:
    """Write a file in *folder* until nothing more fits; return it."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 1):
            while True:
                try:
                    file.write(b"x" * size)
                except OSError:
                    break
    return ballast


@fault(17, "disk full under the store, `always`", Setup(within=SMALL_DISK))
async def full_disk(ground: Ground) -> str:
    """The file system of the embedded store is filled to the last byte, later there is room again."""
    user = ground.user("u1")
    first = [await ground.submit(user) for _ in range(5)]
    # Seen from within the mount namespace of the supervisor.
    ballast = fill(Path(f"/proc/{ground.system.up.pid}/root{ground.folder}/var/store"))
    seen = set()

    async def ended() -> bool:
        seen.add((await ask(ground, user)).status_code)
        return any(one["last_exit"] for one in await ground.instances("store"))

    await ground.until(ended, "the store ends rather than promise")

    # A store that comes back cuts its half-written end off: there is room for a submission or two.
    async def refusing() -> bool:
        seen.add(code := (await ask(ground, user)).status_code)
        return code == 503

    await ground.until(refusing, "refused with 503")
    assert seen <= {202, 503}, seen
    ballast.unlink()
    await ground.until(ground.ready, "the store again")
    await ground.judged(user, [*first, await ground.submit(user)])
    (store,) = await ground.instances("store")
    ground.expected["store"] = store["restarts"]
    return f"the store ended itself, answers were {sorted(seen)}; with room again all went on"


@fault(
    18, "disk full under the store, `everysec`",
    Setup(within=SMALL_DISK, store=f'listen = ""\n{EVERYSEC}'),
)  # fmt: skip
async def full_disk_everysec(ground: Ground) -> str:
    """As before, on `everysec`: the store stays up and answers each write with MISCONF."""
    user = ground.user("u1")
    first = [await ground.submit(user) for _ in range(5)]
    await ground.judged(user, first)
    ballast = fill(Path(f"/proc/{ground.system.up.pid}/root{ground.folder}/var/store"))
    codes: list[int] = []

    async def refusing() -> bool:
        codes.append((await ask(ground, user)).status_code)
        return codes[-1] == 503

    await ground.until(refusing, "refused with 503")
    assert set(codes) <= {202, 503}, codes
    await trio.sleep(3.0)  # workers wait for it meanwhile
    ballast.unlink()
    await ground.until(ground.ready, "ready again")
    await ground.judged(user, [await ground.submit(user)])
    return "503, workers wait, nobody restarts; with room again all goes on"


@fault(20, "memory of the store used up", Setup(server="valkey"))
async def out_of_memory(ground: Ground) -> str:
    """`maxmemory` is set below what is used while a submission runs."""
    user = ground.user("u1")
    call = ground.broker.redis.call
    before: set[bytes] = set()

    async def set_bound(bound: str) -> None:
        before.update(await call(("KEYS", "*")))
        await call(("CONFIG", "SET", "maxmemory", bound))

    ids = await ground.while_running(
        user, ["import time\ntime.sleep(1.5)"],
        lambda _: set_bound("1mb"), lambda _: set_bound("0"),
    )  # fmt: skip
    answers = [(await ask(ground, user)).status_code for _ in range(5)]
    assert answers == [503] * 5
    half = set(await call(("KEYS", "*"))) - before
    assert not [key for key in half if key.startswith((b"sub:", b"idem:"))], half
    await ground.judged(user, ids)
    await set_bound("0")
    await ground.judged(user, [await ground.submit(user)])
    return "5 of 5 submissions refused whole with 503; the running one got its verdict"


@fault(24, "replies cut after random bytes", Setup(server="valkey", proxied=True))
async def cut_replies(ground: Ground) -> str:
    """The way to the store is cut 60 times, each time after 1 to 400 bytes of replies."""
    assert ground.proxy is not None
    users = [ground.user(f"u{number}") for number in range(3)]
    over = trio.Event()
    proxy = ground.proxy
    async with trio.open_nursery() as nursery:
        nursery.start_soon(load, ground, users, over)
        for _ in range(CUTS):
            proxy.reply_bytes = users[0].random.randint(1, 400)
            await ground.until(lambda: proxy.reply_bytes is None, "the way is cut")
            await trio.sleep(0.1)
        over.set()
    accepted = sum(len(user.accepted) for user in users)
    return f"{CUTS} cuts, {accepted} accepted, one final each"


@fault(
    25, "failover after a partition",
    Setup(server="valkey", proxied=True, replica=True, store='durability = "replica"', checked=False,
          options=("--repl-diskless-sync-delay", "0")),
)  # fmt: skip
async def failover(ground: Ground) -> str:
    """The way to the replica is cut for 1 s under load, then the replica becomes the primary."""
    proxy, leader, follower, link = ground.proxy, ground.store, ground.follower, ground.link
    assert proxy is not None
    assert leader is not None
    assert follower is not None
    assert link is not None
    users = [ground.user(f"u{number}") for number in range(3)]
    over, ended = trio.Event(), trio.Event()

    async def play() -> None:
        await load(ground, users, over)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(play)
        await trio.sleep(2.0)
        link.blackhole = True
        await trio.sleep(1.0)
        before = sum(user.refused for user in users)
        proxy.lead_to(str(follower.socket))
        leader.kill()
        with redis.Redis.from_url(follower.url) as operator:
            await trio.to_thread.run_sync(operator.replicaof, "NO", "ONE")
        async with in_thread(running_store(*ground.setup.options)) as third:
            await follow(follower, third, ground.nursery)
            await ground.until(ground.ready, "ready on the new primary")
            seen = [len(user.accepted) for user in users]
            await ground.until(
                lambda: all(
                    len(user.accepted) > was for user, was in zip(users, seen, strict=True)
                ),
                "everybody is served",
            )
            over.set()
            await ended.wait()
            await all_judged(ground, users)
            await ground.check_restarts()
    accepted = sum(len(user.accepted) for user in users)
    refusals = sum(user.refused for user in users)
    assert refusals >= before
    return f"{accepted} accepted, none lost; {refusals} refused with 503 or cut off"
