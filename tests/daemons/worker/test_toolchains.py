"""What programs see of this machine: their tools, and nothing that happens to be installed."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from daemons.worker.toolchains import find_toolchains, image_of, missing_tools, version_in
from judging.languages import load_languages
from sandbox import Grade, Job, Limits, open_sandbox

LIMITS = Limits(time_s=5, wall_s=60, memory_bytes=256 << 20, output_bytes=1 << 20)

LOOK = """
import importlib.util, os, sys
print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])
print([path for path in sys.path if "packages" in path])
print(*sorted(os.listdir("/etc")))
print([path for path in ("/opt", "/home", "/usr/src", "/usr/share/doc", "/var") if os.path.exists(path)])
"""
MADE_UP_ETC = {"group", "hostname", "hosts", "nsswitch.conf", "passwd"}
COPIED_ETC = {"ld.so.cache", "localtime"}


def host_packages() -> set[str]:
    """Return names of packages that the interpreter which runs Gavel finds outside its library."""
    folder = Path(sys.base_prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages")
    return {"pip"} | {path.parent.name for path in folder.glob("*/__init__.py")}


async def test_programs_see_no_package_of_this_machine() -> None:
    """A submission finds the standard library alone, whatever was installed for the interpreter.

    Nor does it see other folders of the machine than those that its tools need.
    """
    toolchains = await find_toolchains([load_languages()["python"]])
    image = image_of(toolchains.values())
    names = sorted(name for name in host_packages() if name.isidentifier())
    argv = (toolchains["python"].tools["python"], "-c", LOOK, *names)
    with trio.fail_after(120):
        async with open_sandbox(slots=1, image=image, grade=Grade.REDUCED) as sandbox:
            result = await sandbox.boxes[0].run(Job(argv=argv, limits=LIMITS))
    packages, paths, etc, folders = result.stdout.decode().splitlines()
    assert (packages, paths, folders) == ("[]", "[]", "[]"), result.stderr
    assert MADE_UP_ETC <= set(etc.split()) <= MADE_UP_ETC | COPIED_ETC | {"alternatives"}


async def test_image_shows_the_whole_place_of_a_tool_outside_the_usual_ones(tmp_path: Path) -> None:
    """A tool in a folder of its own brings that folder; one that is shown anyway brings nothing."""
    language = load_languages()["python"]
    toolchains = await find_toolchains([language])
    tool = tmp_path / "jdk" / "bin" / "java"
    tool.parent.mkdir(parents=True)
    tool.symlink_to("/usr/bin/env")
    elsewhere = type(toolchains["python"])(language, {"python": str(tool)}, "", "")
    usual = type(toolchains["python"])(language, {"python": "/usr/bin/env"}, "", "")
    more = set(image_of([elsewhere]).shown) - set(image_of([usual]).shown)
    assert more == {str(tmp_path / "jdk")}
    assert not any(
        os.path.commonpath([path, "/usr/share/doc"]) == path for path in image_of([]).shown
    )


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("12.2.0\n", "12.2.0"),
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime', "17.0.15"),
        ("v20.20.2\n", "20.20.2"),
        ("Python 3.13.0rc1+\n", "3.13.0"),
        ("tool of 2026\n2.0", "tool of 2026"),
        ("", ""),
    ],
)
def test_version_is_the_number_alone(printed: str, version: str) -> None:
    """The number of the first line, or the line where there is none."""
    assert version_in(printed) == version


def test_missing_tools_are_called_as_people_know_them() -> None:
    """Who lacks a compiler reads `g++`, not the name that our files have for it."""
    cpp = load_languages()["cpp"]
    nowhere = replace(cpp, programs={"gxx": ("/nowhere/g++-99", "g++-99")})

    assert missing_tools(nowhere) == ["g++-99"]
