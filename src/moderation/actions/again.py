"""A comment that was decided about waits again: readers reported it, or its author asks for a second look."""

from __future__ import annotations

from moderation.edges import journal, queries
from moderation.edges.comments import Change, count_changes, wait_again
from moderation.edges.schema import Tx
from moderation.runtime import Runtime
from moderation.values import Finding, Status


def back_to_pending(rt: Runtime, tx: Tx, seen: queries.Standing, finding: Finding, entry: journal.Entry) -> bool:
    """With `finding` beside what the rules found, and `entry` in the record. Told so outside, unless what it was told
    to be was not told yet. False where it no longer is as in `seen`: nothing was changed."""
    if not wait_again(tx, seen.id, seen.version, seen.status, finding):
        return False
    change = Change(seen.site, seen.article_id, seen.author, seen.status, Status.PENDING, entry.at)
    count_changes(tx, [change], rt.store.shard)
    journal.write(tx, [entry])
    journal.withdraw(tx, seen.id, seen.version, entry.at, "comment.changed")
    if not journal.withdraw(tx, seen.id, seen.version, entry.at):
        after, version = Status.PENDING.value, seen.version + 1
        journal.post(tx, [journal.Letter(entry.at, seen.site, "comment.decided", seen.id, after, version)])
    return True
