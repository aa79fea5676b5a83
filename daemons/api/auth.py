"""Whether a caller may do what he asks for: the token of his request, and what it allows.

Without `[auth] tokens_file` everybody may do everything. What is somebody else's looks to a token
of one user as if it were not there.
"""

from __future__ import annotations

from collections.abc import Collection

from quart import g, request

from daemons.api.errors import Refusal
from daemons.tokens import Scope, Token, Tokens

_REALM = {"WWW-Authenticate": 'Bearer realm="gavel"'}


class Gate:
    """Checks tokens; *tokens* None lets everyone in, as do the paths that are *public*."""

    def __init__(self, tokens: Tokens | None, public: Collection[str] = ()) -> None:
        self._tokens = tokens
        self._public = frozenset(public)

    def guards(self, path: str) -> bool:
        """Tell whether a call of the route *path* needs a token."""
        return self._tokens is not None and path not in self._public

    def check(self, path: str, scope: Scope | None) -> None:
        """Return if the caller of the route *path* may do *scope* to something at least.

        Raises:
            Refusal: 401 without a token that counts, 403 with one that does not allow it.
        """
        g.token = None
        if self._tokens is None or not self.guards(path):
            return
        g.token = token = self._tokens.find(_bearer())
        if token is None:
            if "Authorization" in request.headers:
                detail = "this token is unknown, revoked, or its time has passed"
            else:
                detail = "a token is needed: -H 'Authorization: Bearer TOKEN'"
            raise Refusal(401, "unauthorized", detail, headers=_REALM)
        if scope is not None and not token.may(scope):
            raise _forbidden(f"this token does not allow to {_WHAT[scope]}")

    def check_user(self, scope: Scope, user_id: str) -> None:
        """Return if the caller may do *scope* in the name of *user_id*.

        Raises:
            Refusal: 403.
        """
        token: Token | None = g.token
        if token is not None and not token.may(scope, user_id):
            raise _forbidden(f"this token is for the user {token.user_id!r} alone")

    def check_everyone(self) -> None:
        """Return if the caller may see what is everyone's.

        Raises:
            Refusal: 403.
        """
        if self.narrow:
            raise _forbidden("this token is for one user alone; this tells of all")

    @property
    def narrow(self) -> bool:
        """Whether the caller may see one user's things alone."""
        token: Token | None = g.token
        return token is not None and token.user_id is not None

    def owns(self, scope: Scope, user_id: str) -> bool:
        """Tell whether the caller may do *scope* to what is of *user_id*."""
        token: Token | None = g.token
        return token is None or token.may(scope, user_id)


_WHAT = {
    Scope.SUBMIT: "submit or cancel",
    Scope.READ: "read submissions",
    Scope.ADMIN: "do this; it takes the scope admin",
}


def _forbidden(detail: str) -> Refusal:
    return Refusal(403, "forbidden", detail)


def _bearer() -> str:
    """Return the token that the request carries, or nothing."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
