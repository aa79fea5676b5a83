"""Where the packages that no one here wrote come from: the sources of two tools for authors.

None of them is in the repository: `make packages` fetches the tools' sources, in pinned versions,
and they are unpacked into a folder that is gone in the end. BAPCtools (GPL) has packages for its
own tests, with submissions of DOMjudge's among them; problemtools (MIT), the reference validator of
the format, has them as examples.

BAPCtools writes the settings of groups of tests from `generators.yaml` into a package before it
judges; so they are written here. The tests that its generators would make are not made.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import yaml

#: Where packages lie in the sources of each tool.
FOLDERS = {
    "bapctools": ("test/problems",),
    "problemtools": ("examples", "tests/data/problems"),
}
SETTINGS = "test_group.yaml"


def unpack_packages(archives: Path, folder: Path) -> list[Path]:
    """Unpack the sources in *archives* and put their packages into *folder*; return these.

    A package is called after its tool and itself, because both tools have a `hello`.

    Raises:
        FileNotFoundError: the sources of a tool are not there.
    """
    packages = []
    for tool, places in FOLDERS.items():
        root = _unpack(archives, tool, folder.parent / f"sources-{tool}")
        for place in places:
            for path in sorted((root / place).iterdir()):
                if (path / "problem.yaml").is_file():
                    packages.append(folder / f"{tool}-{path.name}")
                    # Some files are links to others elsewhere in the tool's sources.
                    shutil.copytree(path, packages[-1])
                    _write_settings(packages[-1])
    return packages


def _unpack(archives: Path, tool: str, folder: Path) -> Path:
    found = sorted(archives.glob(f"{tool}-*.tar.gz"))
    if len(found) != 1:
        raise FileNotFoundError(f"expected the sources of {tool} in {archives}, found {found}")
    with tarfile.open(found[0]) as tar:
        tar.extractall(folder, filter="data")
    return next(folder.iterdir())


def _write_settings(package: Path) -> None:
    generators = package / "generators" / "generators.yaml"
    settings = package / "data" / SETTINGS
    if generators.is_file() and not settings.exists():
        found = yaml.safe_load(generators.read_text()).get(SETTINGS)
        if found:
            settings.write_text(yaml.safe_dump(found))
