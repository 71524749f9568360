"""Readers ask on a page for a copy of what is kept about them, or to have it deleted, and do so by a link in a letter.

Asking is answered alike, and with the same work, whoever is asked about and whether or not a letter goes: nobody learns
by it who writes here. What there is, only the page behind the link looks up.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from moderation.actions import privacy
from moderation.buckets import buckets, letter_buckets, letters_allowed
from moderation.catalogue import said_in
from moderation.edges import mails, privacy_links
from moderation.edges.limits import too_fast
from moderation.edges.privacy_links import Asked
from moderation.edges.vault import mask
from moderation.errors import NotFound
from moderation.judge.ruleset import SiteRules
from moderation.rates import Question
from moderation.runtime import Runtime
from moderation.values import Moderator, Wish

LASTS = timedelta(minutes=30)
LONGEST = 60
"""Characters of a link's secret that are looked at. Ours have 32."""
READER = Moderator(0, "author", frozenset(), None, "author")
"""Who acts in the journal. Never by name or address."""
WHY = "asked by the reader, by a link to their address"
KIND = "privacy-link"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of pressing the button: the copy, or how many comments were deleted, and how many legal holds keep."""

    asked: Asked
    copy: dict[str, Any] | None
    erased: int
    left: int


def is_offered(rt: Runtime) -> bool:
    """Only where letters can be sent."""
    return rt.mail_server is not None


def ask(rt: Runtime, site: SiteRules, email: str, wish: Wish, address: str) -> None:
    """Have a link sent to `email`, in its normal form, unless too many went there. `address` is the sender's, which
    alone may be refused: raises TooFast, and NotFound where no letters can be sent."""
    if not is_offered(rt):
        raise NotFound("page")
    now = rt.now()
    asked = buckets(rt.vault, site, now.date(), address=address)
    letters = letter_buckets(rt.vault, site, now.date(), email, KIND)
    (answer,) = rt.limits.check([Question(site.id, asked + letters)])
    if not answer.allowed:
        raise too_fast(answer)
    mail_id, link, secret = rt.new_id(), Asked(rt.new_id(), wish, site.id, email), _secret(rt)
    subject, text = _letter(rt, site, wish, secret)
    goes = letters_allowed(answer)
    with rt.store.writing() as tx:  # the same statements in either case
        mails.post(tx, rt.vault, mail_id, KIND, email, subject, text, now, why_not=None if goes else "over-limit")
        privacy_links.keep(
            tx, rt.vault, link if goes else replace(link, email=""), secret, now + LASTS if goes else now
        )


def look(rt: Runtime, secret: str) -> tuple[Asked, dict[str, dict[str, int]]]:
    """What was asked for, and what is kept, by site (`privacy.look`). Changes nothing, since programs that guard
    mailboxes follow links. Raises NotFound."""
    with rt.store.reading() as tx:
        found = _found(rt, privacy_links.find(tx, rt.vault, secret[:LONGEST], rt.now()))
    kept = privacy.look(rt, found.email)
    return found, {site: kinds for site, kinds in kept.items() if site != privacy.EVERYWHERE}


def masked(asked: Asked) -> str:
    """What the page shows of the address."""
    return mask(asked.email)


def do(rt: Runtime, secret: str) -> Done:
    """Do what was asked for, and use the link up: after it, so that what fails can be asked for again by the same link.
    Raises NotFound."""
    with rt.store.reading() as tx:
        found = _found(rt, privacy_links.find(tx, rt.vault, secret[:LONGEST], rt.now()))
    if found.wish is Wish.ERASE:
        erased = privacy.erase(rt, READER, found.email, WHY)
        _use_up(rt, found)
        return Done(found, None, erased, len(privacy.kept(rt, found.email)))
    copy = privacy.export(rt, READER, found.email, WHY)
    if not _use_up(rt, found):
        raise NotFound("link")
    return Done(found, copy, 0, 0)


def _use_up(rt: Runtime, link: Asked) -> bool:
    """Whether nobody did before."""
    with rt.store.writing() as tx:
        return privacy_links.use(tx, link)


def _found(rt: Runtime, asked: Asked | None) -> Asked:
    if asked is None or asked.site not in rt.rules.sites:
        raise NotFound("link")
    return asked


def _secret(rt: Runtime) -> str:
    return urlsafe_b64encode(rt.random(24)).decode()


def _letter(rt: Runtime, site: SiteRules, wish: Wish, secret: str) -> tuple[str, str]:
    """Subject and text. Quotes nothing that was typed."""
    language, name = site.settings.language, site.settings.name or site.id
    subjects = {
        Wish.COPY: said_in(language, "{name}: a copy of your data"),
        Wish.ERASE: said_in(language, "{name}: delete your data"),
    }
    firsts = {
        Wish.COPY: said_in(
            language,
            "Somebody, probably you, has asked {name} for a copy of all that is kept about comments with this email "
            "address.",
        ),
        Wish.ERASE: said_in(
            language,
            "Somebody, probably you, has asked {name} to delete all comments with this email address, and all that is "
            "kept about them.",
        ),
    }
    parts = (
        firsts[wish],
        said_in(language, "This link shows what there is. Nothing happens before you press the button there:"),
        f"{rt.env.public_url}/p/{secret}",
        said_in(language, "It works once, within {minutes} minutes. Do not pass it on."),
        said_in(language, "If it was not you, there is nothing to do."),
    )
    told = {"name": name, "minutes": int(LASTS.total_seconds() // 60)}
    return subjects[wish].format(**told), "\n\n".join(parts).format(**told) + "\n"
