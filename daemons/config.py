"""`supervisor.toml`: every key, its default, its unit, and the errors when it is wrong.

One file configures everything. Every key has a default, so an empty file works too. The shipped
file shows each default with its reason; a test keeps the two equal.
"""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote

import msgspec

#: The exit code of a process whose configuration is wrong: starting it again would not help.
EXIT_CONFIG = 78

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]

#: Whether a process that ended by itself is started again: always, unless it ended well, never.
RestartType = Literal["permanent", "transient", "temporary"]
OomScoreAdj = Annotated[int, msgspec.Meta(ge=-1000, le=1000)]
LimitAction = Literal["hold", "escalate"]
#: What tells of no user, so that calls of it may do without a token.
PublicPath = Literal["/", "/docs", "/healthz", "/metrics", "/openapi.json", "/readyz"]

_VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
#: What the supervisor itself tells its processes by.
_RESERVED_VARIABLES = ("LISTEN_", "NOTIFY_", "WATCHDOG_", "GAVEL_GATE", "GAVEL_LIFELINE")
_MAX_PORT = 65535
_SAVE_POINT = re.compile(r"^\d+ \d+$")
_STORE_SCHEMES = ("redis://", "rediss://", "unix://")
_LOOPBACK = re.compile(r"^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):")


class ConfigError(Exception):
    """The configuration is wrong: the message names the file, the key and what was expected."""


class Address(NamedTuple):
    """A TCP address to listen on; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``host:port`` or ``[v6]:port``.

        Raises:
            ValueError: it is neither.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isascii() or not port.isdigit():
            raise ValueError(f"expected `host:port`, got {text!r}")
        if len(port) > 5 or int(port) > _MAX_PORT:
            raise ValueError(f"a port is a number from 0 to {_MAX_PORT}, got {port} in {text!r}")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: an unknown key is an error, never passed over."""


class _Listening(_Section, frozen=True):
    listen: str

    def __post_init__(self) -> None:
        """Check the address while the key that holds it is still known."""
        if self.listen:
            try:
                Address.parse(self.listen)
            except ValueError as exc:
                raise ValueError(f"`listen`: {exc}") from exc

    @property
    def address(self) -> Address:
        """The address to listen on."""
        return Address.parse(self.listen)


class Supervision(_Section, frozen=True):
    """`[supervisor.<daemon>]`: what differs for one daemon; None stands for what holds for all."""

    restart: RestartType | None = None
    intensity: Count | None = None
    period_s: Positive | None = None
    on_limit: LimitAction | None = None
    start_s: Positive | None = None
    stop_s: Positive | None = None
    watchdog_s: Positive | None = None
    backoff_initial_s: Positive | None = None
    backoff_max_s: Positive | None = None
    backoff_reset_s: Positive | None = None
    oom_score_adj: OomScoreAdj = 0
    rlimits: dict[str, Natural] = {}
    environment: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Check names while the table that holds them is still known."""
        known = sorted(each[7:].lower() for each in dir(resource) if each.startswith("RLIMIT_"))
        for name in self.rlimits:
            if name not in known:
                raise ValueError(f"`rlimits`: no limit {name!r}; there are: {', '.join(known)}")
        for name in self.environment:
            if not _VARIABLE.match(name) or name.startswith(_RESERVED_VARIABLES):
                raise ValueError(f"`environment`: {name!r} is no name that can be given here")


class StoreSupervision(Supervision, frozen=True):
    """`[supervisor.store]`: it has the data of everybody."""

    oom_score_adj: OomScoreAdj = -500


class WorkerSupervision(Supervision, frozen=True):
    """`[supervisor.worker]`: it runs foreign code."""

    oom_score_adj: OomScoreAdj = 300


class Supervisor(_Section, frozen=True):
    """`[supervisor]`: how daemons are started, watched and stopped."""

    control: str = "var/supervisor.sock"
    restart: RestartType = "permanent"
    intensity: Count = 5
    period_s: Positive = 30.0
    on_limit: LimitAction = "hold"
    start_s: Positive = 30.0
    stop_s: Positive = 30.0
    watchdog_s: Positive = 10.0
    backoff_initial_s: Positive = 0.2
    backoff_max_s: Positive = 30.0
    backoff_reset_s: Positive = 60.0
    log_dir: str = ""
    log_max_bytes: Annotated[int, msgspec.Meta(ge=4096)] = 20971520
    log_keep: Natural = 5
    store: StoreSupervision = StoreSupervision()
    gateway: Supervision = Supervision()
    worker: WorkerSupervision = WorkerSupervision()
    api: Supervision = Supervision()

    def of(self, daemon: str) -> Supervision:
        """Return what holds for *daemon*, with every value told."""
        own: Supervision = getattr(self, daemon)
        missing = [name for name in own.__struct_fields__ if getattr(own, name) is None]
        return msgspec.structs.replace(own, **{name: getattr(self, name) for name in missing})


class Store(_Listening, frozen=True):
    """`[store]`: where submissions live, and what a 202 promises."""

    url: str = "embedded"
    dir: str = "var/store"
    listen: str = "127.0.0.1:6380"
    durability: Literal["memory", "disk", "replica"] = "disk"
    save: tuple[str, ...] = ("900 1",)
    partitions: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1

    def __post_init__(self) -> None:
        """Check what the server would only find out when it starts."""
        super().__post_init__()
        if self.listen and self.address.port == 0:
            raise ValueError('`listen` needs a port, or "" for the unix socket alone')
        for point in self.save:
            if not _SAVE_POINT.match(point):
                raise ValueError(f'`save` takes "SECONDS CHANGES" such as "900 1", got {point!r}')

        if self.embedded and self.durability == "replica":
            raise ValueError('`durability` = "replica" needs a store with a replica, by its `url`')
        if not self.embedded and not self.url.startswith(_STORE_SCHEMES):
            raise ValueError(
                f"`url` is none of embedded, redis://, rediss://, unix://: {self.url!r}"
            )

    @property
    def embedded(self) -> bool:
        """Whether the store is ours to run."""
        return self.url == "embedded"


class Api(_Listening, frozen=True):
    """`[api]`: the HTTP front door."""

    listen: str = "127.0.0.1:8000"
    processes: Count = 1
    body_timeout_s: Positive = 10.0
    cors_origins: tuple[str, ...] = ()
    drain_s: Positive = 3.0


class Gateway(_Listening, frozen=True):
    """`[gateway]`: the WebSockets over which verdicts are pushed."""

    listen: str = "127.0.0.1:8001"
    processes: Count = 1
    first_message_s: Positive = 10.0
    ping_s: Positive = 25.0
    pong_s: Positive = 10.0
    send_s: Positive = 10.0
    close_s: Positive = 10.0
    resume_s: Positive = 600.0
    origins: tuple[str, ...] = ()
    outbox_events: Count = 256
    max_connections: Count = 20000
    max_connections_per_user: Count = 20
    max_connections_per_address: Count = 200


class Worker(_Section, frozen=True):
    """`[worker]`: who judges, how many at a time, and for how long nobody may hear of him."""

    processes: Count = 1
    slots: Natural = 0
    pin: bool = True
    lease_s: Positive = 15.0
    beat_s: Positive = 5.0
    sweep_s: Positive = 1.0
    limbo_s: Positive = 3.0
    drain_s: Positive = 20.0
    tries: Count = 3
    cache_dir: str = "var/cache"
    cache_bytes: Natural = 536870912
    prepare: bool = True

    def __post_init__(self) -> None:
        """Refuse a lease that a healthy worker could not keep."""
        if self.beat_s * 2 > self.lease_s:
            raise ValueError("`beat_s` must be at most half of `lease_s`")


class Sandbox(_Section, frozen=True):
    """`[sandbox]`: the least confinement that is accepted."""

    grade: Literal["full", "reduced"] = "full"
    self_test: bool = True


class Problems(_Section, frozen=True):
    """`[problems]`: where the problem packages are."""

    dirs: tuple[str, ...] = ("problems",)


class Limits(_Section, frozen=True):
    """`[limits]`: what one user, one request or one run may take."""

    code_bytes: Count = 65536
    body_bytes: Count = 262144
    queue_depth: Count = 100000
    open_per_user: Count = 1000
    user_per_minute: Natural = 0
    user_burst: Count = 60
    address_per_minute: Natural = 0
    address_burst: Count = 600
    retain_days: Count = 30
    wait_s: Positive = 60.0
    run_time_s: Positive = 10.0
    run_wall_s: Positive = 30.0
    run_memory_bytes: Count = 536870912
    run_output_bytes: Count = 1048576
    run_processes: Count = 64


class Auth(_Section, frozen=True):
    """`[auth]`: who may call."""

    tokens_file: str | None = None
    public: tuple[PublicPath, ...] = ()
    insecure: bool = False


class _File(_Section, frozen=True):
    """The tables of the file."""

    supervisor: Supervisor = Supervisor()
    store: Store = Store()
    api: Api = Api()
    gateway: Gateway = Gateway()
    worker: Worker = Worker()
    sandbox: Sandbox = Sandbox()
    problems: Problems = Problems()
    limits: Limits = Limits()
    auth: Auth = Auth()


class Config(_File, frozen=True):
    """The whole configuration: the file's tables, and where the file is.

    Args:
        file: the file's absolute path; empty when there is none (tests).
        base: the folder that relative paths count from.
    """

    file: str = ""
    base: str = "."

    def path(self, relative: str) -> Path:
        """Return *relative*, a path from the file, as an absolute one."""
        return (Path(self.base) / relative).resolve()

    def store_url(self) -> str:
        """Return the address of the store, that of the embedded one's socket included."""
        if not self.store.embedded:
            return self.store.url
        return f"unix://{quote(str(self.store_socket))}"

    @property
    def store_socket(self) -> Path:
        """The embedded store's unix socket."""
        return self.path(self.store.dir) / "store.sock"

    def problem_dirs(self) -> list[Path]:
        """Return the folders of problem packages.

        Raises:
            ConfigError: one of them is not there. An empty list is fine: then nothing is offered.
        """
        dirs = [self.path(folder) for folder in self.problems.dirs]
        for folder in dirs:
            if not folder.is_dir():
                raise ConfigError(f"{self.file}: [problems] dirs: no folder {folder}")
        return dirs

    def unwritable(self, key: str, folder: Path, exc: OSError) -> ConfigError:
        """Return the error of *folder*, which *key* names and which can't be made or written."""
        # All three at once: who mends one on a read-only disk would stumble over the next.
        return ConfigError(
            f"{self.file}: {key}: {folder}: {exc.strerror}; what is written lies where [store] dir,"
            " [worker] cache_dir and [supervisor] control say: name folders that can be written"
        )

    @property
    def loopback_only(self) -> bool:
        """Whether nobody outside this machine can reach us."""
        return all(_LOOPBACK.match(listen) for listen in (self.api.listen, self.gateway.listen))


def load_config(path: Path) -> Config:
    """Read and check the file at *path*.

    Raises:
        ConfigError: it is missing, is no TOML, or has an unknown key or a bad value.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}; name another file with --config") from exc
    try:
        tables = msgspec.toml.decode(data, type=_File)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{path}: {_located(str(exc))}") from exc
    except msgspec.DecodeError as exc:
        raise ConfigError(f"{path}: not TOML: {exc}") from exc
    whole = path.resolve()
    config = Config(**msgspec.structs.asdict(tables), file=str(whole), base=str(whole.parent))
    _check_exposure(path, config)
    return config


_UNKNOWN = re.compile(r"^Object contains unknown field `(.*)`$")


def _located(message: str) -> str:
    """Turn msgspec's ``... - at `$.api.listen` `` into ``[api] listen: ...``."""
    sentence, _, place = message.partition(" - at `$.")
    keys = place.rstrip("`").split(".") if place else []
    table: _Section = _File()
    sections = []
    while keys and isinstance(inner := getattr(table, keys[0], None), _Section):
        table = inner
        sections.append(keys.pop(0))
    if unknown := _UNKNOWN.match(sentence):
        what = "key" if sections else "table"
        sentence = f"unknown {what} `{unknown[1]}`; known are: {', '.join(table.__struct_fields__)}"
    where = f"[{'.'.join(sections)}] {'.'.join(keys)}".rstrip() if sections else ""
    return f"{where}: {sentence}" if where else sentence


def _check_exposure(path: Path, config: Config) -> None:
    """Refuse to be reachable from outside without tokens, unless that was asked for."""
    if config.auth.tokens_file is None and not config.auth.insecure and not config.loopback_only:
        raise ConfigError(
            f"{path}: [api] listen, [gateway] listen: only loopback addresses are allowed without "
            "[auth] tokens_file; insecure = true there lets anyone in who can reach them"
        )
