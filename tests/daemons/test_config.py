"""`supervisor.toml`: the shipped file shows the defaults, and each mistake is named."""

from __future__ import annotations

import re
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
    tables = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, re.DOTALL | re.MULTILINE))
    file = type(load_config(SHIPPED)).__mro__[1]

    assert set(tables) == set(file.__struct_fields__)
    for name, table in tables.items():
        section = getattr(Config(), name)
        for key in section.__struct_fields__:
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
        ("[api]\nlisten = 'a:99999'", "[api]: `listen`: expected `host:port`"),
        ("[supervisor]\non_limit = 'give up'", "[supervisor] on_limit: Invalid enum value"),
        ("[worker]\nbeat_s = 10", "[worker]: `beat_s` must be at most half of `lease_s`"),
        ("[store]\nsave = ['often']", "[store]: `save` takes"),
        ("[store]\nurl = 'http://a'", "[store]: `url` is"),
        ("[store]\ndurability = 'replica'", '[store]: `durability` = "replica" needs'),
        ("[store]\nlisten = '127.0.0.1:0'", "[store]: `listen` needs a port"),
        ("[store]\npartitions = 1025", "[store] partitions: Expected `int` <= 1024"),
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


@pytest.mark.parametrize("text", ["127.0.0.1:80", "[::1]:8000", "localhost:0"])
def test_address_reads_what_it_writes(text: str) -> None:
    """An address's text is its own inverse."""
    assert str(Address.parse(text)) == text
