"""Inside the cell's interpreter: park runs, and let each child go on as the program that it is.

``usercustomize`` calls :func:`arm` at the end of the interpreter's start. The next thing that the
interpreter does is to ask the path hooks what ``main.py`` is, and ours come first: :func:`_park`
does not return but in a child that has been told to go. It raises ImportError, which says
"nothing I know", and the interpreter asks the hooks that it has always had.

A program must not find us: no module of ours is among its modules, no frame of ours below its own,
no object of ours among those that its collector sees. What stays is memory that nothing leads to.
"""

# Nothing else here: what is loaded before _park, the program finds loaded.
import posix
import sys

_natural_hooks = sys.path_hooks
_kept: list[object] = []


def arm() -> None:
    """Be asked next."""
    # A list of its own, since the interpreter walks over it: it must outlive our restoring of
    # the natural one, and nobody else may hold it.
    sys.path_hooks = [_park, *_natural_hooks]  # type: ignore[list-item]  # it never answers
    _kept.append(sys.path_hooks)


def _park(_path: str) -> None:
    sys.path_hooks = _natural_hooks
    ours = [name for name in sys.modules if name.partition(".")[0] in ("sandbox", "usercustomize")]
    natural = {name: module for name, module in sys.modules.items() if name not in ours}
    caches = dict(sys.path_importer_cache)
    site = __file__.rpartition("/sandbox/")[0]

    from sandbox import warm

    # Not the natural ones: what else keeps `__main__` alive changes the order of its end.
    _kept.extend(module for name, module in sys.modules.items() if name not in natural)
    sys.modules.clear()
    sys.modules.update(natural)
    sys.path.remove(site)
    caches.pop(site, None)
    caches.pop(f"{site}/sandbox", None)
    sys.path_importer_cache.clear()
    sys.path_importer_cache.update(caches)
    returned = False
    try:
        warm.serve()
        returned = True
    finally:
        if (
            not returned
        ):  # an error has the interpreter ask the next hook: never that, half confined
            posix._exit(1)
    raise ImportError
