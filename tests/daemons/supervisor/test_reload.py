"""What a changed file asks for."""

from __future__ import annotations

import pytest

from daemons.config import (
    Api,
    Auth,
    Config,
    Gateway,
    Limits,
    Problems,
    Sandbox,
    Store,
    Supervisor,
    Worker,
)
from daemons.supervisor.reload import READERS, compare

OLD = Config()


@pytest.mark.parametrize(
    ("new", "anew"),
    [
        (Config(), set()),
        (Config(api=Api(drain_s=1)), {"api"}),
        (Config(api=Api(processes=4)), set()),
        (Config(api=Api(listen="127.0.0.1:9")), {"api"}),
        (Config(gateway=Gateway(ping_s=1)), {"gateway"}),
        (Config(worker=Worker(slots=1)), {"worker"}),
        (Config(sandbox=Sandbox(grade="reduced")), {"worker"}),
        (Config(problems=Problems(dirs=())), {"worker", "api"}),
        (Config(limits=Limits(code_bytes=1)), {"worker", "api"}),
        (Config(auth=Auth(insecure=True)), {"gateway", "api"}),
        (Config(supervisor=Supervisor(intensity=1)), set()),
    ],
)
def test_change_concerns_those_who_read_it(new: Config, anew: set[str]) -> None:
    """Only daemons that read a changed value are started anew; a new number concerns none."""
    difference = compare(OLD, new)

    assert difference.anew == anew
    assert difference.refused == ()


@pytest.mark.parametrize(
    "new", [Config(store=Store(dir="other")), Config(supervisor=Supervisor(control="other"))]
)
def test_change_that_needs_a_stop_is_refused(new: Config) -> None:
    """The store and the control socket can't change under those who use them."""
    assert len(compare(OLD, new).refused) == 1


def test_every_table_has_its_readers() -> None:
    """No table of the file is forgotten: each has readers, or is refused."""
    tables = set(type(OLD).__mro__[1].__struct_fields__)

    assert set(READERS) | {"store"} == tables
