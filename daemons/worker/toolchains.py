"""Which languages this machine offers: where their tools are, and what versions they have.

Looking for tools and asking their versions means starting processes, so it is done here and not in
`judging`. These are the machine's own programs, run outside the sandbox, once at start.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import trio

from judging.languages.language import SELF, Language
from sandbox import Image, usual_paths
from sandbox.attack import PYTHON

log = structlog.get_logger()

#: Where a tool may lie: what an administrator installs, never a user's own folders.
_PATH = "/usr/local/bin:/usr/bin:/bin"
#: Of a prefix that is not one tool's own, what tools need.
_PREFIX_PARTS = ("bin", "lib", "lib64", "libexec", "include")
#: What an administrator installed for the interpreters of this machine: a submission must not
#: depend on it, and looking through it costs each start of Python some milliseconds.
_PACKAGES = ("lib*/python*/site-packages", "lib*/python*/dist-packages")
_VERSION_S = 10.0
_VERSION = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A language and the tools for it on this machine.

    Attributes:
        language: what the tools are for.
        tools: the path of each of the language's programs.
        version: what they say of their version, for people.
        identity: a digest of all by which two builds of the tools can differ.
    """

    language: Language
    tools: Mapping[str, str]
    version: str
    identity: str


async def find_toolchains(languages: Iterable[Language]) -> dict[str, Toolchain]:
    """Return the toolchains that work here, by language id; log why the others do not."""
    found: dict[str, Toolchain] = {}

    async def probe(language: Language) -> None:
        if missing := missing_tools(language):
            log.info("language not offered", language=language.id, missing=missing)
            return
        tools = _locate_all(language)
        version = await _ask(language, tools, language.version)
        if version is None:
            return
        if language.detect is not None and await _ask(language, tools, language.detect) is None:
            return
        told = version
        if language.identity is not None:
            told = await _ask(language, tools, language.identity) or version
        found[language.id] = Toolchain(language, tools, version_in(version), _identify(tools, told))

    async with trio.open_nursery() as nursery:
        for language in languages:
            nursery.start_soon(probe, language)
    return dict(sorted(found.items()))


def missing_tools(language: Language) -> list[str]:
    """Return the commands of the language that this machine has not, such as ``g++``."""
    missing = language.programs.keys() - _locate_all(language).keys()
    # The last place where a program is looked for is its bare name.
    return sorted(language.programs[name][-1] for name in missing)


def image_of(toolchains: Iterable[Toolchain]) -> Image:
    """Return what programs of *toolchains* need to see of this machine."""
    paths = list(usual_paths())
    prefixes = ["/usr", "/usr/local"]
    tools = [PYTHON]  # runs what attacks a box, and is a language, too
    for toolchain in toolchains:
        paths += _expand(toolchain.language.image)
        tools += toolchain.tools.values()
    for place in (place for tool in tools for place in (tool, os.path.realpath(tool))):
        if not _shows(paths, place):
            prefix = str(Path(place).parent.parent)
            prefixes.append(prefix)
            paths += _parts(prefix)
    shown = [path for path in dict.fromkeys(paths) if Path(path).exists()]
    hidden = [
        str(found) for prefix in prefixes for kind in _PACKAGES for found in Path(prefix).glob(kind)
    ]
    return Image(tuple(shown), tuple(dict.fromkeys(hidden)))


def _expand(patterns: Iterable[str]) -> list[str]:
    """Return the paths of this machine that fit *patterns*, whose versions are in their names."""
    return [str(path) for pattern in patterns for path in sorted(Path("/").glob(pattern[1:]))]


def _shows(paths: Iterable[str], place: str) -> bool:
    return any(place.startswith(path + "/") for path in paths)


def _parts(prefix: str) -> list[str]:
    """Return what to show of *prefix*: all of it, if it is but one tool's."""
    if prefix != "/usr/local":
        return [prefix]
    return [f"{prefix}/{part}" for part in _PREFIX_PARTS]


def _locate_all(language: Language) -> dict[str, str]:
    located = {name: _locate(places) for name, places in language.programs.items()}
    return {name: path for name, path in located.items() if path is not None}


def _locate(places: Iterable[str]) -> str | None:
    """Return the first of *places* that is an executable, as an absolute path."""
    for place in places:
        if place == SELF:
            path: str | None = PYTHON
        elif place.startswith("/"):
            path = place
        else:
            path = shutil.which(place, path=_PATH)
        if path is not None and os.access(path, os.X_OK):
            return path
    return None


async def _ask(language: Language, tools: Mapping[str, str], template: Sequence[str]) -> str | None:
    """Return what the command *template* prints; None, and a line in the log, if it fails."""
    argv = language.command(template, tools=tools)
    run = partial(
        trio.run_process, argv, capture_stdout=True, stderr=subprocess.STDOUT, check=False
    )
    try:
        with trio.fail_after(_VERSION_S):
            process = await run()
    except (OSError, trio.TooSlowError) as exc:
        log.warning("language not offered", language=language.id, reason=str(exc) or "too slow")
        return None
    if process.returncode != 0:
        log.warning("language not offered", language=language.id, exit_code=process.returncode)
        return None
    return process.stdout.decode(errors="replace")


def version_in(printed: str) -> str:
    """Return the number in what a tool *printed* of its version, or the first line without one.

    ``openjdk version "17.0.15" 2025-04-15`` and ``v20.20.2`` are told alike: 17.0.15, 20.20.2.
    """
    first = printed.partition("\n")[0].strip()
    number = _VERSION.search(first)
    return number[0] if number else first


def _identify(tools: Mapping[str, str], told: str) -> str:
    """Return a digest of what the tools tell of themselves, their files, and the C library.

    A package's update changes the time of its files even where it changes no version; one that
    replaces headers alone, of the same C library, does not show.
    """
    digest = hashlib.sha256(told.encode())
    digest.update(f"{os.uname().machine} {' '.join(platform.libc_ver())}".encode())
    for name, path in sorted(tools.items()):
        about = Path(path).stat()
        digest.update(f"\n{name} {about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()
