"""YAML files of a package: read safely, with lines kept, so that an error says where it is.

A key given twice is an error: YAML itself forbids it, but PyYAML takes the last one silently.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from judging.errors import PackageError


class Section:
    """One mapping of a YAML file, read key by key; what was never asked for is unknown.

    *where* is the path of the mapping in the file, with a dot at the end, empty for the top.
    """

    def __init__(self, file: Path, table: _Table, where: str = "") -> None:
        self.file = file
        self._table = table
        self._where = where
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self._table.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def refuse(self, key: str, problem: str) -> NoReturn:
        """Raise the error that *key* has this *problem*."""
        raise PackageError(self.file, f"{self._where}{key}: {problem}", self._table.lines.get(key))

    def raw(self, key: str) -> Any:
        """Return the value as YAML has it, None if there is none."""
        self._asked.add(key)
        return self._table.get(key)

    def text(self, key: str, default: str = "") -> str:
        """Return a string."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.refuse(key, f"expected a string (with quotes around it), got {value!r}")
        return value

    def number(self, key: str) -> float | None:
        """Return a number > 0, or None if there is none."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, f"expected a number, got {value!r}")
        if not (math.isfinite(value) and value > 0):
            self.refuse(key, f"expected a number > 0, got {value!r}")
        return value

    def any_number(self, key: str) -> float | None:
        """Return a finite number, or None if there is none."""
        value = self.raw(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            self.refuse(key, f"expected a number, got {value!r}")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; one string stands for the words in it."""
        value = self.raw(key)
        if value is None:
            return ()
        if isinstance(value, str):
            return tuple(value.split())
        return self.strings(key)

    def strings(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; numbers in it are taken as they would be written."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(_is_scalar(item) for item in value):
            self.refuse(key, f"expected a list of strings, got {value!r}")
        return tuple(str(item) for item in value)

    def section(self, key: str) -> Section:
        """Return a mapping inside this one; empty if there is none."""
        value = self.raw(key)
        if value is None:
            return Section(self.file, _Table(), f"{self._where}{key}.")
        if not isinstance(value, _Table):
            self.refuse(key, f"expected a mapping, got {value!r}")
        return Section(self.file, value, f"{self._where}{key}.")

    def ignore(self, keys: Collection[str]) -> None:
        """Count *keys* as known: they say nothing about judging."""
        self._asked.update(keys)

    def refuse_unknown(self) -> None:
        """Raise an error if there is a key that was never asked for."""
        for key, near in self._unknown(likeness=0.6):
            self.refuse(key, "unknown key" + (f"; did you mean {near}?" if near else ""))

    def refuse_slips(self) -> None:
        """Raise an error if a key that was never asked for is nearly one that was."""
        for key, near in self._unknown(likeness=0.8):
            if near:
                self.refuse(key, f"unknown key; did you mean {near}?")

    def _unknown(self, likeness: float) -> Iterator[tuple[str, str | None]]:
        for key in self._table:
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), self._asked, n=1, cutoff=likeness)
                yield key, near[0] if near else None


def read_document(file: Path) -> Section:
    """Read *file*, which holds one mapping; an empty or missing file is an empty one.

    Raises:
        PackageError: it is not UTF-8, not YAML, not a mapping, or has a key twice.
    """
    try:
        root = yaml.load(file.read_bytes().decode(), Loader=_Loader)  # noqa: S506  # a safe one
    except FileNotFoundError:
        return Section(file, _Table())
    except OSError as exc:
        raise PackageError(file, exc.strerror or str(exc)) from exc
    except UnicodeDecodeError as exc:
        raise PackageError(file, f"not UTF-8: {exc.reason} at byte {exc.start}") from exc
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else None
        raise PackageError(file, f"not YAML: {exc.problem}", line) from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        # PyYAML leaves it to datetime and to the stack to refuse 2025-13-32 and [[[[[...
        raise PackageError(file, f"not YAML: {exc}") from exc
    if root is None:
        return Section(file, _Table())
    if not isinstance(root, _Table):
        raise PackageError(file, f"expected a mapping, got {root!r:.80}", 1)
    return Section(file, root)


class _Table(dict[str, Any]):
    """A mapping that knows the line of each key."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, making `_Table`s."""

    def make_table(self, node: yaml.MappingNode) -> Iterator[_Table]:
        """Make the mapping of *node*; its keys must be strings and differ."""
        table = _Table()
        yield table  # before its values, so that an alias inside it can refer to it
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue  # its keys are defaults, which keys beside it may override
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _error(key_node, f"expected a string as key, got {key!r}")
            if key in table.lines:
                raise _error(key_node, f"key {key!r} is given a second time")
            table.lines[key] = key_node.start_mark.line + 1
        self.flatten_mapping(node)
        for key_node, value_node in node.value:
            table[self.construct_object(key_node)] = self.construct_object(value_node, deep=True)


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.make_table)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
