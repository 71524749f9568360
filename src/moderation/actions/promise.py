"""The promise clock: each site may promise that no comment waits longer than a set time. When one does, the record says
so and the people the site names get one letter; the next only after all that waited was within the promise again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from moderation.durations import in_words
from moderation.edges import journal, mails, promises, tallies
from moderation.edges.schema import Tx
from moderation.runtime import Runtime
from moderation.settings import Site

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Clock:
    """How a site stands: the oldest comment that waits, since when, and what is promised. None where there is none."""

    site: str
    waiting: int
    oldest: str | None
    since: datetime | None
    age: timedelta | None
    promise: timedelta | None

    @property
    def is_broken(self) -> bool:
        return self.age is not None and self.promise is not None and self.age > self.promise


def clocks(rt: Runtime, tx: Tx, sites: list[str]) -> list[Clock]:
    """The clock of each of these sites, as it stands now. A site that the rules have just lost has none."""
    rules = rt.rules.sites
    sites = [site for site in sites if site in rules]
    now, found = rt.now(), tallies.oldest_waiting(tx, sites)
    waiting = tallies.waiting(tx, sites)
    told = []
    for site in sites:
        oldest, since = found.get(site, (None, None))
        age = max(now - since, timedelta(0)) if since else None
        told.append(Clock(site, waiting[site], oldest, since, age, rules[site].settings.promised))
    return told


def most_pressing(found: Iterable[Clock]) -> Clock | None:
    """The one whose promise is broken by most, or nearest to it. None where nothing waits for which there is one."""
    shares = [(clock.age / clock.promise, clock) for clock in found if clock.age is not None and clock.promise]
    return max(shares, key=lambda each: each[0])[1] if shares else None


def watch(rt: Runtime) -> list[str]:
    """Tell of each promise that was broken since the last look, and forget those that are kept again. The sites told
    of."""
    sites = list(rt.rules.sites)
    with rt.store.reading() as tx:
        now_broken = {clock.site: clock for clock in clocks(rt, tx, sites) if clock.is_broken}
        known = promises.broken(tx)
    fresh = [clock for site, clock in now_broken.items() if site not in known]
    kept = [site for site in known if site not in now_broken]
    if not fresh and not kept:
        return []
    with rt.store.writing() as tx:
        promises.keep(tx, kept)
        return [clock.site for clock in fresh if promises.break_(tx, clock.site, rt.now()) and _tell(rt, tx, clock)]


def _tell(rt: Runtime, tx: Tx, clock: Clock) -> bool:
    now, site = rt.now(), rt.rules.sites.get(clock.site)
    if site is None:
        return False
    settings = site.settings
    told = {"target": clock.oldest, "reason": f"promised {settings.promise}"}
    journal.write(tx, [journal.Entry(now, "service", "service", "promise-broken", clock.site, **told)])
    log.warning("promise-broken", site=clock.site, waiting=clock.waiting)
    if rt.mail_server is not None:
        subject, text = _letter(rt, clock, settings)
        for address in settings.promise_mail:
            mails.post(tx, rt.vault, rt.new_id(), "promise-broken", address, subject, text, now)
    return True


def _letter(rt: Runtime, clock: Clock, settings: Site) -> tuple[str, str]:
    name = settings.name or clock.site
    assert clock.age is not None
    text = f"""\
The oldest comment at {name} has waited for {in_words(clock.age)}. Promised are {settings.promise}.
Waiting now: {clock.waiting:,}.

{rt.env.public_url}/desk/?site={clock.site}

You get no further letter until all that waited has been decided in time again.
"""
    return f"{name}: comments wait longer than promised", text
