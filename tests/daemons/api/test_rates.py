"""Rates of users and addresses hold in the store, so they hold across processes and restarts."""

from __future__ import annotations

from daemons.config import Limits
from tests.conftest import StoreProcess
from tests.daemons.api.conftest import GOOD, Api, open_api
from tests.daemons.api.test_bad_input import check_problem

RUN = {"user_id": "u1", "language": "python", "code": "x"}


async def count_accepted(api: Api, count: int, user: str) -> int:
    """Send *count* submissions and return how many got in; the others must be 429."""
    accepted = 0
    for _ in range(count):
        answer = await api.post({**GOOD, "user_id": user})
        if answer.status_code == 202:
            accepted += 1
        else:
            document = check_problem(answer, 429, "too-fast")
            assert f"try again in {answer.headers['Retry-After']} s" in document["detail"]
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return accepted


async def test_user_has_a_rate_in_all_processes(store: StoreProcess) -> None:
    """A user's burst is his, whichever process he asks and by whichever route; others have theirs."""
    config = store.config(limits=Limits(user_per_minute=1, user_burst=3))
    async with open_api(config) as one, open_api(config) as other:
        assert await count_accepted(one, 2, "u1") == 2
        assert await count_accepted(other, 2, "u1") == 1
        check_problem(await one.post(RUN, path="/runs"), 429, "too-fast")
        assert await count_accepted(one, 4, "u2") == 3
        assert len((await one.get("/submissions?user_id=u1")).json()["submissions"]) == 3


async def test_address_has_a_rate_over_all_users(store: StoreProcess) -> None:
    """Many names from one address are one crowd; what is refused costs its user nothing."""
    limits = Limits(user_per_minute=1, user_burst=3, address_per_minute=1, address_burst=2)
    async with open_api(store.config(limits=limits)) as api:
        accepted = [await count_accepted(api, 1, f"u{number}") for number in range(4)]
    assert accepted == [1, 1, 0, 0]
    async with open_api(store.config(limits=Limits(user_per_minute=1, user_burst=3))) as api:
        assert await count_accepted(api, 4, "u3") == 3


async def test_bucket_fills_again(store: StoreProcess) -> None:
    """Tokens come back at the rate: a quick one soon lets the next in."""
    config = store.config(limits=Limits(user_per_minute=6000, user_burst=1))
    async with open_api(config) as api:
        accepted = 0
        while accepted < 3:
            accepted += (await api.post(GOOD)).status_code == 202


async def test_repeated_key_costs_nothing(store: StoreProcess) -> None:
    """A client that asks again what became of its request is not too fast."""
    config = store.config(limits=Limits(user_per_minute=1, user_burst=1))
    async with open_api(config) as api:
        key = {"Idempotency-Key": "k"}
        ids = {(await api.post(GOOD, headers=key)).json()["id"] for _ in range(3)}
    assert len(ids) == 1
