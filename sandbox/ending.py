"""End a program at once where nothing that it left could still be seen to end.

A natural end of the interpreter takes apart every object that its start made. In a fork that means
to copy the page of each, which costs three times what a short program itself does. All that such
an end can show are finalizers, files that are flushed, and an exit code other than 0. So after the
program's own `atexit` callbacks we look whether there may be any: only well-known modules, no
object of a kind that does anything when it goes, no exception on the way out. Whenever in doubt,
the end is the natural one.
"""

import atexit
import gc
import os
import sys
import weakref
from types import AsyncGeneratorType, CoroutineType, GeneratorType

#: More objects than this are not worth the look.
_MOST_OBJECTS = 3000
#: Modules beside those of a bare start of which nothing acts at its end.
_HARMLESS_MODULES = frozenset(
    [
        "__future__",
        "_bisect",
        "_collections",
        "_datetime",
        "_decimal",
        "_functools",
        "_heapq",
        "_json",
        "_operator",
        "_random",
        "_sha2",
        "_sha512",
        "_sre",
        "_statistics",
        "_string",
        "_struct",
        "_typing",
        "array",
        "binascii",
        "bisect",
        "cmath",
        "collections",
        "collections.abc",
        "contextlib",
        "copy",
        "copyreg",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "_hashlib",
        "_blake2",
        "heapq",
        "itertools",
        "json",
        "json.decoder",
        "json.encoder",
        "json.scanner",
        "keyword",
        "math",
        "numbers",
        "operator",
        "random",
        "re",
        "re._casefix",
        "re._compiler",
        "re._constants",
        "re._parser",
        "reprlib",
        "statistics",
        "string",
        "struct",
        "time",
        "types",
        "typing",
        "typing.io",
        "typing.re",
        "warnings",
    ]
)
#: Kinds of objects that run code, or write, when they go.
_ACTING = (
    GeneratorType,
    CoroutineType,
    AsyncGeneratorType,
    weakref.ReferenceType,
    *weakref.ProxyTypes,
)


class Ending:
    """What a program's end is compared with: the state that it began in."""

    def __init__(self, modules: frozenset[str]) -> None:
        self._modules = modules | _HARMLESS_MODULES
        self._main = vars(sys.modules["__main__"])
        self._streams = sys.stdout, sys.stderr
        self._acts: dict[type, bool] = {}

    def arm(self) -> None:
        """Be the last of the program's `atexit` callbacks."""
        atexit.register(self._end)

    def _end(self) -> None:
        if self._succeeded() and self._left_nothing():
            try:
                for stream in self._streams:
                    stream.flush()
            except Exception:  # noqa: BLE001 - whatever it is, the natural end says it
                return
            os._exit(0)

    def _succeeded(self) -> bool:
        # The interpreter takes `__file__` away when the code has ended, but not on SystemExit; and
        # keeps an exception that it printed.
        return "__file__" not in self._main and not hasattr(sys, "last_type")

    def _left_nothing(self) -> bool:
        if (sys.stdout, sys.stderr) != self._streams or not self._modules >= sys.modules.keys():
            return False
        objects = gc.get_objects()
        return len(objects) <= _MOST_OBJECTS and not any(map(self._may_act, objects))

    def _may_act(self, thing: object) -> bool:
        return self._is_acting(type(thing)) or (isinstance(thing, type) and self._is_acting(thing))

    def _is_acting(self, kind: type) -> bool:
        known = self._acts.get(kind)
        if known is None:
            known = self._acts[kind] = issubclass(kind, _ACTING) or any(
                "__del__" in vars(base) or base.__module__ in ("_io", "io") for base in kind.__mro__
            )
        return known
