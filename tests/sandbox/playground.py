"""Build a folder from which any user, on any kernel, can run the table of attacks."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

HERE = Path(__file__).parent
#: Nobody's, neither the kernel's overflow user nor one that owns files here and there.
ORDINARY_ID = 61_234
_PACKAGES = ("trio", "attr", "attrs", "outcome", "sniffio", "sortedcontainers", "idna")


def build_playground(place: Path) -> None:
    """Put the sandbox, what it imports, the programs and the compiled C ones into *place*."""
    place.chmod(0o755)
    packages = Path(trio.__file__).parent.parent
    for name in _PACKAGES:
        if (packages / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "_tests")
            shutil.copytree(packages / name, place / "lib" / name, ignore=ignored)
    shutil.copytree(HERE.parents[1] / "sandbox", place / "lib" / "sandbox")
    shutil.copytree(HERE, place / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    compile_programs(place / "build")
    subprocess.run(["chmod", "-R", "a+rX", place], check=True)


def compile_programs(build: Path) -> None:
    """Compile the C programs and probes into the new folder *build*, all at once."""
    build.mkdir()
    (build / "gavel-canary").write_text("hidden tests\n")
    sources = [*(HERE / "programs").glob("*.c"), *(HERE / "probes").glob("*.c")]
    compilers = [
        subprocess.Popen(["gcc", "-O1", "-w", "-pthread", "-o", build / source.stem, source])
        for source in sorted(sources)
    ]
    assert [compiler.wait() for compiler in compilers] == [0] * len(compilers)


@contextmanager
def find_build(build: Path | None) -> Iterator[Path]:
    """Give *build*, or, when there is none yet, a folder for the moment."""
    if build is not None:
        yield build
        return
    with tempfile.TemporaryDirectory(prefix="gavel-programs-") as folder:
        compile_programs(Path(folder, "build"))
        yield Path(folder, "build")
