"""What the judge looks at: one pure function a check, `(reading, site) -> Finding`, always exactly one finding.

A finding proposes an effect and keeps the spans and numbers that decided; whether it passed is a finding too. Rule ids
are stable: admins look them up, and the record keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.text.lexicon import GRAVITY
from moderation.text.links import SHORTENERS
from moderation.text.matcher import Found, Match
from moderation.values import Ban, Effect, Finding, Span, passed

MOST_SPANS = 50
"""A finding keeps at most this many spans; its numbers count all."""


def article(reading: Reading, site: SiteRules) -> Finding:
    """Whether the article takes comments. The door refuses first; a backtest meets it here."""
    why = "site" if site.settings.closed else reading.case.article_closed
    if why:
        return Finding("article.closed", Effect.REJECT, "article-closed", "article", data={"why": why})
    return passed("article.closed", "article")


def length(reading: Reading, site: SiteRules) -> Finding:
    """The text's length in code points. The door refuses first; a backtest meets it here."""
    lengths, size = site.settings.lengths, len(reading.case.body)
    data = {"length": size, "least": lengths.body_min, "most": lengths.body_max}
    if not lengths.body_min <= size <= lengths.body_max:
        return Finding("body.length", Effect.REJECT, "length", data=data)
    return Finding("body.length", data=data)


def limits(reading: Reading, site: SiteRules) -> Finding:
    """What the rate limits said. Doubt holds: no Redis, no publishing."""
    if not reading.case.limited.available:
        return Finding("limits", Effect.HOLD, "limits-unavailable", "request")
    if reading.case.limited.fuse_blown:
        return Finding("limits", Effect.HOLD, "site-fuse", "request")
    if reading.case.limited.email_exceeded:
        return Finding("limits", Effect.HOLD, "email-limit", "request")
    return passed("limits", "request")


def ban(reading: Reading, site: SiteRules) -> Finding:
    """Bans that moderators have made on the sender. The gravest decides, the first of equals; a doubtful one holds."""
    found = reading.case.bans
    if not found:
        return passed("author.ban", "author")
    worst = max(found, key=lambda each: (STRENGTH[_ban_effect(each)], not each.doubtful))
    code = "banned" if worst.effect is Effect.REJECT else "pre-moderated"
    data = {"ban": worst.id, "whom": worst.whom.value, "because": worst.reason, "bans": len(found)}
    code = "banned-perhaps" if worst.doubtful else code
    return Finding("author.ban", _ban_effect(worst), code, "author", data=data)


def _ban_effect(ban: Ban) -> Effect:
    return Effect.HOLD if ban.doubtful else ban.effect


def contacts(reading: Reading, site: SiteRules) -> Finding:
    """E-mail addresses and phone numbers typed into the text."""
    found = reading.contacts
    if not found:
        return passed("contacts")
    spans = tuple(Span(each.start, each.end, each.kind) for each in found)
    effect = Effect(site.settings.contacts.found)
    return Finding("contacts", effect, "contacts", spans=spans, data={"count": len(found)})


def words_in_body(reading: Reading, site: SiteRules) -> Finding:
    """The word list on the text."""
    return _words("words.body", "body", reading.found(site.matcher), site)


def words_in_name(reading: Reading, site: SiteRules) -> Finding:
    """The word list on the author's name, with the stricter boundaries of names. No part of a name is masked, so one
    with a word that would be in a text holds at least."""
    told = _words("words.name", "author.name", reading.found(site.matcher, "author_name"), site)
    if STRENGTH[told.effect] < STRENGTH[Effect.HOLD] and any(is_masked(span, site) for span in told.spans):
        return replace(told, effect=Effect.HOLD)
    return told


def words_in_website(reading: Reading, site: SiteRules) -> Finding:
    """The word list on the author's website."""
    return _words("words.website", "author.url", reading.found(site.matcher, "author_url"), site)


def _words(rule: str, field: str, found: Found, site: SiteRules) -> Finding:
    """The worst match decides; one that only may be meant tags, and waits for a second signal. What was not read to its
    end holds at least: nobody knows what is in the rest."""
    told = _listed(rule, field, found.matches, site)
    if found.unread is None:
        return told
    data = {**told.data, "unread": found.unread}
    if STRENGTH[told.effect] > STRENGTH[Effect.HOLD]:
        return replace(told, data=data)
    return replace(told, effect=Effect.HOLD, code="unread-words", data=data)


def _listed(rule: str, field: str, matches: Sequence[Match], site: SiteRules) -> Finding:
    if not matches:
        return passed(rule, field)
    by_grade = site.settings.words
    grades: Mapping[str, Effect] = {
        "severe": Effect(by_grade.severe),
        "strong": Effect(by_grade.strong),
        "mild": Effect(by_grade.mild),
    }
    effects = (Effect.TAG if match.maybe else site.effects.get(match.term, grades[match.severity]) for match in matches)
    effect = max(effects, key=STRENGTH.__getitem__)
    worst = max(matches, key=lambda match: (not match.maybe, GRAVITY[match.severity]))
    most = MOST_SPANS if by_grade.mask == "none" else len(matches)  # what is masked is masked throughout
    spans = tuple(_word_span(match) for match in matches[:most])
    data: dict[str, Any] = {
        "count": len(matches),
        "severity": worst.severity,
        "maybe": worst.maybe,
        "terms": sorted({match.term for match in matches})[:MOST_SPANS],
        "languages": sorted({match.language for match in matches}),
        "disguises": sorted({name for match in matches for name in match.disguises}),
    }
    return Finding(rule, effect, "maybe-word" if worst.maybe else f"{worst.severity}-word", field, spans, data)


STRENGTH: Mapping[Effect, int] = {effect: strength for strength, effect in enumerate(Effect)}
"""How much an effect weighs: the order in which `Effect` names them."""


def _word_span(match: Match) -> Span:
    label = f"{match.severity} {match.category}"
    return Span(
        match.start, match.end, f"{label} (maybe)" if match.maybe else label, "" if match.maybe else match.severity
    )


def is_masked(span: Span, site: SiteRules) -> bool:
    """Whether the public sees a word found by the word list as `s***`."""
    least = site.settings.words.mask
    return least != "none" and span.grade != "" and GRAVITY[span.grade] >= GRAVITY[least]


def links(reading: Reading, site: SiteRules) -> Finding:
    """Links in the text: denied domains, shorteners, too many. The worst of the three decides, the first of equals;
    the numbers and spans tell of all."""
    found = reading.links
    if not found:
        return Finding("links", data={"count": 0})
    settings = site.settings.links
    counted = [link for link in found if not is_under(link.host, settings.allow)]
    denied = [link for link in found if is_under(link.host, settings.deny)]
    shortened = [link for link in counted if link.domain in SHORTENERS or link.host in SHORTENERS]
    proposals = [
        (Effect(settings.denied), "denied-domain", denied),
        (Effect(settings.shorteners), "shortener", shortened),
        (Effect(settings.over), "many-links", counted if len(counted) > settings.most else []),
    ]
    objections = [proposal for proposal in proposals if proposal[2]]
    effect, code, _ = max(objections, key=lambda each: STRENGTH[each[0]], default=(Effect.PASS, "passed", []))
    shown = sorted({(link.start, link.end, link.host) for each in objections for link in each[2]})
    data = {
        "count": len(counted),
        "most": settings.most,
        "shorteners": len(shortened),
        "denied": len(denied),
        "hosts": sorted({link.host for link in found})[:MOST_SPANS],
    }
    return Finding("links", effect, code, spans=tuple(Span(*each) for each in shown[:MOST_SPANS]), data=data)


def disguised_links(reading: Reading, site: SiteRules) -> Finding:
    """Links that show one site and lead to another, those to an allowed domain apart."""
    settings = site.settings.links
    found = [link for link in reading.disguised_links if not is_under(link.real, settings.allow)]
    if not found:
        return passed("links.disguised")
    spans = tuple(
        Span(link.start, link.end, f"shows {link.shown}, leads to {link.real}") for link in found[:MOST_SPANS]
    )
    data = {"shown": found[0].shown, "real": found[0].real, "count": len(found)}
    return Finding("links.disguised", Effect(settings.disguised), "disguised-link", spans=spans, data=data)


def is_under(host: str, domains: Sequence[str]) -> bool:
    """Whether `host` is one of `domains` or a sub-domain."""
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def shouting(reading: Reading, site: SiteRules) -> Finding:
    """The share of capitals among the letters that have case."""
    style = site.settings.style
    cased, share = reading.capitals
    data = {"share": share, "letters": cased}
    if cased >= style.shouting_letters and share >= style.shouting_share:
        return Finding("style.shouting", Effect(style.shouting), "shouting", data=data)
    return Finding("style.shouting", data=data)


def repetition(reading: Reading, site: SiteRules) -> Finding:
    """The same character over and over, or the same words."""
    style = site.settings.style
    start, end = reading.longest_run
    run = end - start
    words = reading.case.body.lower().split()
    repeated = round(1 - len(set(words)) / len(words), 3) if len(words) >= 10 else 0.0
    data = {"longest_run": run, "repeated_share": repeated}
    if run > style.longest_run:
        return Finding("style.repetition", Effect(style.repetition), "long-run", spans=(Span(start, end),), data=data)
    if repeated >= style.repeated_share:
        return Finding("style.repetition", Effect(style.repetition), "repeated-words", data=data)
    return Finding("style.repetition", data=data)


def near_duplicate(reading: Reading, site: SiteRules) -> Finding:
    """How often the same letters were sent in the last hour, by whomever."""
    settings = site.settings.duplicates
    data = {"seen": reading.case.limited.seen, "from": settings.near_count}
    if reading.case.limited.seen >= settings.near_count:
        return Finding("duplicates.near", Effect(settings.near), "seen-before", data=data)
    return Finding("duplicates.near", data=data)


def disposable_email(reading: Reading, site: SiteRules) -> Finding:
    """Whether the address is at a provider of throw-away mail."""
    if reading.case.disposable_email:
        return Finding(
            "author.disposable-email", Effect(site.settings.author.disposable_email), "disposable-email", "author.email"
        )
    return passed("author.disposable-email", "author.email")


def record(reading: Reading, site: SiteRules) -> Finding:
    """What moderators decided about this author's earlier comments."""
    settings = site.settings.author
    known = reading.case.record
    refused = known.rejected + known.spam
    data = {"approved": known.approved, "refused": refused, "from": settings.refused_most}
    if refused >= settings.refused_most and refused > known.approved:
        return Finding("author.record", Effect(settings.refused), "refused-before", "author", data=data)
    return Finding("author.record", field="author", data=data)


def mode(reading: Reading, site: SiteRules) -> Finding:
    """What the site does with a comment that nothing speaks against. A typed address earns no trust: only a verified
    author gets past `first`."""
    settings, approved = site.settings, reading.case.record.approved
    data = {"mode": settings.mode}
    if settings.mode == "post":
        return Finding("mode", Effect.APPROVE, "post-moderation", "site", data=data)
    if settings.mode == "first" and reading.case.verified and approved >= settings.first_approved:
        return Finding("mode", Effect.APPROVE, "approved-before", "site", data=data | {"approved": approved})
    code = "first-comments" if settings.mode == "first" else "pre-moderation"
    return Finding("mode", Effect.PASS, code, "site", data=data)
