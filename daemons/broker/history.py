"""A user's submissions page by page, newest first, by a cursor that survives new ones.

The cursor is ``<ms>-<id>`` of the last one shown: creation times can be equal, so the id decides.
"""

from __future__ import annotations

from daemons.broker.client import Redis


async def read_page(
    redis: Redis, key: str, limit: int, cursor: str | None
) -> tuple[list[str], str | None]:
    """Return *limit* ids of the index *key* behind *cursor*, and the cursor of the rest if any.

    Raises:
        ValueError: *cursor* is none that this function returned.
    """
    rows = await _rows_behind(redis, key, limit + 1, cursor)
    page = rows[:limit]
    next_cursor = f"{page[-1][0]}-{page[-1][1]}" if len(rows) > limit else None
    return [submission_id for _, submission_id in page], next_cursor


async def _rows_behind(
    redis: Redis, key: str, limit: int, cursor: str | None
) -> list[tuple[int, str]]:
    newest, before, ties = "+inf", None, 0
    if cursor is not None:
        newest, dash, last_id = cursor.partition("-")
        if not dash or not newest.isascii() or not newest.isdigit():
            raise ValueError("the cursor is none that a list returned")
        before = int(newest), last_id
        ties = await redis.call(("ZCOUNT", key, newest, newest))
    answer = await redis.call(
        ("ZREVRANGEBYSCORE", key, newest, "-inf", "WITHSCORES", "LIMIT", 0, limit + ties)
    )
    rows = [(int(score), member.decode()) for member, score in answer]
    return [row for row in rows if before is None or row < before][:limit]
