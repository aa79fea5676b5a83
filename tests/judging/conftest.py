"""Packages for the tests, written to disk file by file."""

import textwrap

import pytest

PROBLEM_2025 = """
    problem_format_version: 2025-09
    name: Echo
    uuid: 00000000-0000-0000-0000-000000000000
    """
FILES_2025 = {
    "problem.yaml": PROBLEM_2025,
    "statement/problem.en.md": "Repeat it.\n",
    "data/sample/1.in": "a\n",
    "data/sample/1.ans": "a\n",
    "data/secret/01.in": "b\n",
    "data/secret/01.ans": "b\n",
}
FILES_LEGACY = {
    "problem.yaml": "name: Echo\n",
    "problem_statement/problem.md": "Repeat it.\n",
    "data/sample/1.in": "a\n",
    "data/sample/1.ans": "a\n",
    "data/secret/01.in": "b\n",
    "data/secret/01.ans": "b\n",
}


class PackageMaker:
    """Writes packages below a directory."""

    def __init__(self, root):
        self.root = root

    def write(self, files, name="echo"):
        """Write *files* (path: content, None for none) as the package *name*; return its path."""
        package = self.root / name
        package.mkdir(exist_ok=True)
        for path, content in files.items():
            file = package / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                file.unlink(missing_ok=True)
            elif isinstance(content, bytes):
                file.write_bytes(content)
            else:
                file.write_text(textwrap.dedent(content).lstrip("\n"))
        return package

    def new(self, changes=(), name="echo"):
        """Write a small package of the 2025-09 version, with *changes*."""
        return self.write(FILES_2025 | dict(changes), name)

    def legacy(self, changes=(), name="echo"):
        """Write a small package of the legacy version, with *changes*."""
        return self.write(FILES_LEGACY | dict(changes), name)

    def yaml(self, more):
        """Return a `problem.yaml` of the 2025-09 version with *more* lines."""
        return textwrap.dedent(PROBLEM_2025).lstrip() + more


@pytest.fixture
def packages(tmp_path):
    """Return a maker of packages."""
    return PackageMaker(tmp_path)
