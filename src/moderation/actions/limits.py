"""How far one address, author or article has used up its limits, and giving it back. The journal says that it was done,
never for whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moderation.buckets import buckets, fuse
from moderation.edges import journal
from moderation.errors import NotFound, Unavailable
from moderation.rates import Bucket, BucketAnswer
from moderation.runtime import Runtime
from moderation.values import Moderator


@dataclass(frozen=True, slots=True)
class Busy:
    """Whose buckets are meant. Without address, e-mail address and article: those of the whole site."""

    site: str
    address: str | None = None
    email: str | None = None
    article: str | None = None


def show(rt: Runtime, busy: Busy) -> list[BucketAnswer]:
    """Each bucket as it stands now; nothing is charged. Raises NotFound (site), Unavailable (Redis)."""
    return rt.limits.look({busy.site: _buckets(rt, busy)})[busy.site]


def clear(rt: Runtime, who: Moderator, busy: Busy, reason: str | None) -> int:
    """Make these buckets whole. How many had been used. Raises NotFound (site), Unavailable (Redis)."""
    meant = _buckets(rt, busy)
    with rt.store.writing() as tx:
        count = rt.limits.clear(busy.site, meant)
        scopes = ", ".join(dict.fromkeys(bucket.scope for bucket in meant))
        journal.write(tx, [_entry(rt, who, busy.site, scopes, count, reason)])
    return count


def blown_fuses(rt: Runtime, sites: Iterable[str]) -> list[str]:
    """Of these sites, those that take in more than their fuse bears, and so hold everything. None while Redis is away:
    then all sites do."""
    if not rt.limits.state().available:
        return []
    day = rt.now().date()
    asked = {site: fuse(rt.vault, rt.rules.sites[site], day) for site in sites if site in rt.rules.sites}
    try:
        found = rt.limits.look(asked)
    except Unavailable:
        return []
    return [site for site, buckets in found.items() if not all(bucket.allowed for bucket in buckets)]


def _buckets(rt: Runtime, busy: Busy) -> Sequence[Bucket]:
    site = rt.rules.sites.get(busy.site)
    if site is None:
        raise NotFound("site")
    address, email, article = busy.address, busy.email, busy.article
    is_site = not (address or email or article)
    return buckets(rt.vault, site, rt.now().date(), address=address, email=email, article=article, whole_site=is_site)


def _entry(rt: Runtime, who: Moderator, site: str, scopes: str, count: int, reason: str | None) -> journal.Entry:
    return journal.Entry(
        rt.now(), who.name, who.role, "limits-clear", site, target=scopes, after=f"{count} buckets", reason=reason
    )
