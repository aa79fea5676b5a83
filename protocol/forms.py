"""The forms that names and texts of strangers must have, as patterns and in words."""

from __future__ import annotations

from typing import Annotated

import msgspec

# `$` alone would also match before a last newline; JSON Schema, where these are shown, has no `\Z`.
#: What a user id may be. Colons, braces, blanks and control characters are left out because the id
#: becomes part of Redis key and channel names.
USER_ID = r"^[A-Za-z0-9._@+-]{1,128}$(?!\n)"
#: What a problem or a language id may be.
SLUG = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$(?!\n)"
#: A file of a multi-file submission: a plain name, never a path.
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$(?!\n)"

#: As a list of submissions returned it: creation in ms, and the id.
CURSOR = r"^[0-9]{1,15}-[0-9A-Z]{26}$(?!\n)"
#: Long enough for a UUID with a prefix, short enough to be part of a key in the store.
IDEMPOTENCY_KEY = r"^[ -~]{1,255}$(?!\n)"
#: One argument of a program: an operating system takes no NUL in it.
ARGUMENT = r"^[^\x00]{0,4096}$(?!\n)"

#: What each of these forms is in words: nobody who mistyped should have to read the pattern.
FORMS = {
    USER_ID: "must have 1 to 128 of the characters A-Z a-z 0-9 . _ @ + -",
    SLUG: "must have 1 to 64 of the characters A-Z a-z 0-9 . _ + -, the first a letter or digit",
    FILE_NAME: "must be a plain file name: 1 to 64 of the characters A-Z a-z 0-9 . _ -, "
    "the first of them no . or -",
    CURSOR: "must be a `next_cursor` as it was returned",
    IDEMPOTENCY_KEY: "must have 1 to 255 printable ASCII characters",
    ARGUMENT: "must have at most 4096 characters, and no NUL among them",
}

UserId = Annotated[str, msgspec.Meta(pattern=USER_ID)]
Slug = Annotated[str, msgspec.Meta(pattern=SLUG)]
FileName = Annotated[str, msgspec.Meta(pattern=FILE_NAME)]
Cursor = Annotated[str, msgspec.Meta(pattern=CURSOR)]
IdempotencyKey = Annotated[str, msgspec.Meta(pattern=IDEMPOTENCY_KEY)]
