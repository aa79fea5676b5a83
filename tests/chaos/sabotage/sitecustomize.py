"""Take one guard out of library.lua in every daemon that starts with this folder on PYTHONPATH.

The chaos test proves nothing unless it fails without the guards. ``GAVEL_SABOTAGE`` says which to
take out: ``repair``, ``token`` or ``append``. Python imports a module of this name at start.
"""

import os
import pathlib

_EDITS = {
    # What was popped and never claimed, and what a dead worker held, is not put back.
    "repair": [
        ("local function repair(keys, a)\n", "local function repair(keys, a)\n  do return 0 end\n"),
    ],
    # Whoever has ever held a claim may go on, though somebody else holds it or has finished it.
    "token": [("  return token ~= shown\n", "  return false\n")],
    # PUBLISH first, append later: an event reaches the history only when the next one comes.
    "append": [
        ("redis.call('XADD', stream, 'MAXLEN', EVENTS_KEPT, int(event) .. '-0', 'e', json)",
         ("local late = redis.call('GET', 'late:' .. stream)\n"
         "  if late then\n"
         "    redis.call('XADD', stream, 'MAXLEN', EVENTS_KEPT, string.match(late, '\"id\":(%d+)')"
         " .. '-0', 'e', late)\n"
         "  end\n"
         "  redis.call('SET', 'late:' .. stream, json)")),
    ],
}  # fmt: skip

_wanted = os.environ.get("GAVEL_SABOTAGE", "")
_read_text = pathlib.Path.read_text


def _sabotaged(path: pathlib.Path, *args: object, **kwargs: object) -> str:
    text = _read_text(path, *args, **kwargs)  # type: ignore[arg-type]
    if path.name == "library.lua":
        for guard, replacement in _EDITS[_wanted]:
            if guard not in text:
                raise SystemExit(f"sabotage {_wanted!r}: library.lua has no {guard!r} any more")
            text = text.replace(guard, replacement)
    return text


if _wanted:
    pathlib.Path.read_text = _sabotaged  # type: ignore[method-assign,assignment]
