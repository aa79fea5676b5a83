"""`supervisor.toml`: the shipped file shows the defaults, and each mistake is named."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

import msgspec
import pytest

from daemons.config import Address, Config, ConfigError, Store, load_config

SHIPPED = Path(__file__).parents[2] / "supervisor.toml"


def load(folder: Path, text: str) -> Config:
    """Load *text* as the configuration file of *folder*."""
    file = folder / "supervisor.toml"
    file.write_text(text)
    return load_config(file)


def test_shipped_file_shows_every_default(tmp_path: Path) -> None:
    """The shipped file has the values that an empty file has."""
    shipped = load_config(SHIPPED)
    empty = load(tmp_path, "")

    assert msgspec.structs.replace(shipped, file="", base="") == msgspec.structs.replace(
        empty, file="", base=""
    )


def test_shipped_file_names_and_explains_every_key() -> None:
    """Each key stands in the shipped file, in its table, with a reason behind it."""
    text = SHIPPED.read_text()
    tables = dict(re.findall(r"^\[([\w.]+)\]\n(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE))
    file = type(load_config(SHIPPED)).__mro__[1]
    daemons = {f"supervisor.{name}" for name in ("store", "gateway", "worker", "api")}

    assert set(tables) == set(file.__struct_fields__) | daemons
    for name, table in tables.items():
        section = attrgetter(name)(Config())
        for key in section.__struct_fields__:
            if f"{name}.{key}" in daemons or getattr(section, key) is None:
                continue
            (line,) = re.findall(rf"^(?:# )?{key} = .*$", table, re.MULTILINE)
            assert re.search(r" # \S", line), f"[{name}] {key} has no reason"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[api]\nport = 1", "[api]: unknown key `port`; known are: listen, processes, "),
        ("[apis]", "unknown table `apis`; known are: supervisor, store, "),
        ("base = '/'", "unknown table `base`"),
        ("[api]\nprocesses = 0", "[api] processes: Expected `int` >= 1"),
        ("[api]\nprocesses = 'two'", "[api] processes: Expected `int`, got `str`"),
        ("[api]\nlisten = '8000'", "[api]: `listen`: expected `host:port`, got '8000'"),
        (
            "[api]\nlisten = 'a:99999'",
            "[api]: `listen`: a port is a number from 0 to 65535, got 99999",
        ),
        ("[api]\nlisten = 'a:-1'", "[api]: `listen`: expected `host:port`, got 'a:-1'"),
        ("[supervisor]\non_limit = 'give up'", "[supervisor] on_limit: Invalid enum value"),
        ("[worker]\nbeat_s = 10", "[worker]: `beat_s` must be at most half of `lease_s`"),
        ("[store]\nsave = ['often']", "[store]: `save` takes"),
        ("[store]\nurl = 'http://a'", "[store]: `url` is"),
        ("[store]\ndurability = 'replica'", '[store]: `durability` = "replica" needs'),
        ("[store]\nlisten = '127.0.0.1:0'", "[store]: `listen` needs a port"),
        ("[store]\npartitions = 1025", "[store] partitions: Expected `int` <= 1024"),
        ("[supervisor.worker]\nslots = 1", "[supervisor.worker]: unknown key `slots`; known are: "),
        ("[supervisor.kitchen]\nrestart = 1", "[supervisor]: unknown key `kitchen`; known are: "),
        ("[supervisor.api]\nrestart = 'no'", "[supervisor.api] restart: Invalid enum value 'no'"),
        ("[supervisor.api]\nrlimits.files = 1", "[supervisor.api]: `rlimits`: no limit 'files'; "),
        ("[supervisor.api]\nenvironment.LISTEN_FDS = '1'", "[supervisor.api]: `environment`: 'LIS"),
        (
            "[supervisor.api]\nenvironment.A = 1",
            "[supervisor.api] environment[...]: Expected `str`",
        ),
        ("[supervisor]\nlog_max_bytes = 1", "[supervisor] log_max_bytes: Expected `int` >= 4096"),
        ("[api", "not TOML"),
        ("[api]\nlisten = '0.0.0.0:80'", "only loopback addresses are allowed without"),
        ("[gateway]\nlisten = '10.0.0.1:80'", "only loopback addresses are allowed without"),
    ],
)
def test_mistake_names_file_and_key(tmp_path: Path, text: str, expected: str) -> None:
    """A wrong configuration says in which file, where in it, and what was expected."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path / 'supervisor.toml'}: ")
    assert expected in str(caught.value)


def test_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    """A file that is not there is an error, never a silent default."""
    with pytest.raises(ConfigError, match="No such file or directory; name another"):
        load_config(tmp_path / "none.toml")


def test_problem_dirs_must_be_there(tmp_path: Path) -> None:
    """A folder that is missing is an error that names it; no folder at all is allowed."""
    (tmp_path / "here").mkdir()

    assert load(tmp_path, "[problems]\ndirs = ['here']").problem_dirs() == [tmp_path / "here"]
    assert load(tmp_path, "[problems]\ndirs = []").problem_dirs() == []
    with pytest.raises(ConfigError, match=rf"\[problems\] dirs: no folder {tmp_path}/gone"):
        load(tmp_path, "[problems]\ndirs = ['here', 'gone']").problem_dirs()


def test_outside_address_is_allowed_on_demand(tmp_path: Path) -> None:
    """With tokens, or when told to be insecure, any address may be listened on."""
    for auth in ("insecure = true", "tokens_file = 'tokens'"):
        config = load(tmp_path, f"[auth]\n{auth}\n[api]\nlisten = '0.0.0.0:80'")
        assert not config.loopback_only


def test_relative_paths_count_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are those beside the file, wherever the process stands."""
    monkeypatch.chdir("/")

    config = load(tmp_path, "[store]\ndir = 'data/store'")

    assert config.path("var/x") == tmp_path / "var/x"
    assert config.store_socket == tmp_path / "data/store/store.sock"
    assert config.file == str(tmp_path / "supervisor.toml")


def test_store_url_quotes_the_path_of_the_embedded_one() -> None:
    """The embedded store's address survives a folder with blanks and marks; others are kept."""
    assert Config(base="/a b#c").store_url() == "unix:///a%20b%23c/var/store/store.sock"
    assert Config(store=Store(url="redis://r:1/2")).store_url() == "redis://r:1/2"


def test_supervision_of_one_daemon_may_differ(tmp_path: Path) -> None:
    """What is told for one daemon holds for it; what is not told there holds for all."""
    text = "[supervisor]\nperiod_s = 7\n[supervisor.worker]\nrestart = 'temporary'\nintensity = 2"
    supervisor = load(tmp_path, text).supervisor

    worker, api = supervisor.of("worker"), supervisor.of("api")

    assert (worker.restart, worker.intensity, worker.period_s) == ("temporary", 2, 7)
    assert (api.restart, api.intensity, api.period_s) == ("permanent", 5, 7)
    assert (worker.oom_score_adj, api.oom_score_adj) == (300, 0)


@pytest.mark.parametrize("text", ["127.0.0.1:80", "[::1]:8000", "localhost:0"])
def test_address_reads_what_it_writes(text: str) -> None:
    """An address's text is its own inverse."""
    assert str(Address.parse(text)) == text
