"""An author confirms the e-mail address of their comment by the link in a letter. Looking at it changes nothing, since
programs that guard mailboxes follow links; the answer to it is what the author's browser keeps (`moderation.holders`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from moderation import holders
from moderation.confirmations import read
from moderation.edges import authors, journal, queries
from moderation.edges.schema import Tx
from moderation.edges.vault import Unreadable
from moderation.errors import NotFound
from moderation.runtime import Runtime
from moderation.values import Comment


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What comes of it: `holder` is for this browser alone."""

    holder: str = field(repr=False)
    comment: Comment


def look(rt: Runtime, token: str) -> Comment:
    """The comment whose address is to be confirmed. Raises NotFound, also for a link that was used."""
    with rt.store.reading() as tx:
        return _asked(rt, tx, token)[0]


def confirm(rt: Runtime, token: str, request_id: str) -> Confirmed:
    """Believe the address from now on, on this site, when it comes with `holder`. Raises NotFound."""
    with rt.store.writing() as tx:
        comment, email = _asked(rt, tx, token)
        now, new = rt.now(), authors.new_id(rt.random(16))
        author = authors.prove(tx, rt.vault, authors.MAIL, comment.site, email.lower(), new, now)
        entry = journal.Entry(
            now, "author", "author", "address-confirmed", comment.site, comment.id, request_id=request_id
        )
        journal.write(tx, [entry])
    return Confirmed(holders.give(rt, comment.site, email, author), comment)


def _asked(rt: Runtime, tx: Tx, token: str) -> tuple[Comment, str]:
    """The comment and its address. Where the site sends no letters any more, its links are void."""
    comment_id, since = read(rt, token)
    comment, sealed = queries.comment(tx, comment_id), queries.sealed_email(tx, comment_id)
    site = rt.rules.sites.get(comment.site) if comment else None
    if comment is None or sealed is None or site is None or site.settings.verify != "mail":
        raise NotFound("confirmation")
    try:
        email = rt.vault.open(sealed.email, comment_id)
    except Unreadable:
        raise NotFound("confirmation") from None
    proved = authors.proved_at(tx, rt.vault, authors.MAIL, comment.site, email.lower())
    if proved is not None and proved >= since:
        raise NotFound("confirmation")
    return comment, email
