"""What the judge looks at: one pure function a check, `(case, site) -> Finding`, always exactly one finding.

A finding proposes an effect and keeps the spans and numbers that decided; whether it passed is a finding too. Rule ids
are stable: admins look them up, and the record keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from moderation.judge.ruleset import SiteRules
from moderation.text.links import SHORTENERS, find_links
from moderation.text.matcher import Match
from moderation.text.redact import find_contacts
from moderation.values import Case, Effect, Finding, Span

MOST_SPANS = 50
"""A finding keeps at most this many spans; its numbers count all."""


def article(case: Case, site: SiteRules) -> Finding:
    """Whether the article takes comments. The door refuses first; a backtest meets it here."""
    why = "site" if site.settings.closed else case.article_closed
    if why:
        return Finding("article.closed", Effect.REJECT, "article-closed", "article", data={"why": why})
    return Finding("article.closed", field="article")


def length(case: Case, site: SiteRules) -> Finding:
    """The text's length in code points. The door refuses first; a backtest meets it here."""
    lengths, size = site.settings.lengths, len(case.body)
    data = {"length": size, "least": lengths.body_min, "most": lengths.body_max}
    if not lengths.body_min <= size <= lengths.body_max:
        return Finding("body.length", Effect.REJECT, "length", data=data)
    return Finding("body.length", data=data)


def limits(case: Case, site: SiteRules) -> Finding:
    """What the rate limits said. Doubt holds: no Redis, no publishing."""
    if not case.limited.available:
        return Finding("limits", Effect.HOLD, "limits-unavailable", "request")
    if case.limited.email_exceeded:
        return Finding("limits", Effect.HOLD, "email-limit", "request")
    return Finding("limits", field="request")


def contacts(case: Case, site: SiteRules) -> Finding:
    """E-mail addresses and phone numbers typed into the text."""
    found = find_contacts(case.body)
    if not found:
        return Finding("contacts")
    spans = tuple(Span(each.start, each.end, each.kind) for each in found)
    effect = Effect(site.settings.contacts.found)
    return Finding("contacts", effect, "contacts", spans=spans, data={"count": len(found)})


def words_in_body(case: Case, site: SiteRules) -> Finding:
    """The word list on the text."""
    return _words("words.body", "body", site.matcher.find(case.body), site)


def words_in_name(case: Case, site: SiteRules) -> Finding:
    """The word list on the author's name, with the stricter boundaries of names."""
    return _words("words.name", "author.name", site.matcher.find(case.author_name, name=True), site)


def words_in_website(case: Case, site: SiteRules) -> Finding:
    """The word list on the author's website."""
    matches = site.matcher.find(case.author_url, name=True) if case.author_url else ()
    return _words("words.website", "author.url", matches, site)


def _words(rule: str, field: str, matches: Sequence[Match], site: SiteRules) -> Finding:
    """The worst match decides; one that only may be meant tags, and waits for a second signal."""
    if not matches:
        return Finding(rule, field=field)
    by_grade = site.settings.words
    grades: Mapping[str, Effect] = {
        "severe": Effect(by_grade.severe),
        "strong": Effect(by_grade.strong),
        "mild": Effect(by_grade.mild),
    }
    effect = max((Effect.TAG if match.maybe else grades[match.severity] for match in matches), key=STRENGTH.__getitem__)
    worst = max((match for match in matches), key=lambda match: (not match.maybe, _GRADES.index(match.severity)))
    most = MOST_SPANS if by_grade.mask == "none" else len(matches)  # what is masked is masked throughout
    spans = tuple(Span(match.start, match.end, _label(match)) for match in matches[:most])
    data: dict[str, Any] = {
        "count": len(matches),
        "severity": worst.severity,
        "maybe": worst.maybe,
        "terms": sorted({match.term for match in matches})[:MOST_SPANS],
        "languages": sorted({match.language for match in matches}),
        "disguises": sorted({name for match in matches for name in match.disguises}),
    }
    return Finding(rule, effect, "maybe-word" if worst.maybe else f"{worst.severity}-word", field, spans, data)


_GRADES = ("mild", "strong", "severe")
STRENGTH: Mapping[Effect, int] = {effect: strength for strength, effect in enumerate(Effect)}
"""How much an effect weighs: the order in which `Effect` names them."""


def _label(match: Match) -> str:
    return f"{match.severity} {match.category}" + (_MAYBE if match.maybe else "")


_MAYBE = " (maybe)"


def is_masked(span: Span, site: SiteRules) -> bool:
    """Whether the public sees a word found by the word list as `s***`."""
    least, (grade, _, _) = site.settings.words.mask, span.label.partition(" ")
    return least != "none" and _GRADES.index(grade) >= _GRADES.index(least) and not span.label.endswith(_MAYBE)


def links(case: Case, site: SiteRules) -> Finding:
    """Links in the text: denied domains, shorteners, too many. The worst of the three decides, the first of equals;
    the numbers and spans tell of all."""
    found = find_links(case.body)
    if not found:
        return Finding("links", data={"count": 0})
    settings = site.settings.links
    counted = [link for link in found if not _is_under(link.host, settings.allow)]
    denied = [link for link in found if _is_under(link.host, settings.deny)]
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


def _is_under(host: str, domains: Sequence[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def shouting(case: Case, site: SiteRules) -> Finding:
    """The share of capitals among the letters that have case."""
    style = site.settings.style
    upper = sum(map(str.isupper, case.body))
    cased = upper + sum(map(str.islower, case.body))
    share = round(upper / cased, 3) if cased else 0.0
    data = {"share": share, "letters": cased}
    if cased >= style.shouting_letters and share >= style.shouting_share:
        return Finding("style.shouting", Effect(style.shouting), "shouting", data=data)
    return Finding("style.shouting", data=data)


_RUN = re.compile(r"(\S)\1{2,}")


def repetition(case: Case, site: SiteRules) -> Finding:
    """The same character over and over, or the same words."""
    style = site.settings.style
    longest = max(_RUN.finditer(case.body), key=lambda run: run.end() - run.start(), default=None)
    run = longest.end() - longest.start() if longest else 1
    words = case.body.lower().split()
    repeated = round(1 - len(set(words)) / len(words), 3) if len(words) >= 10 else 0.0
    data = {"longest_run": run, "repeated_share": repeated}
    if longest and run > style.longest_run:
        return Finding(
            "style.repetition", Effect(style.repetition), "long-run", spans=(Span(*longest.span()),), data=data
        )
    if repeated >= style.repeated_share:
        return Finding("style.repetition", Effect(style.repetition), "repeated-words", data=data)
    return Finding("style.repetition", data=data)


def near_duplicate(case: Case, site: SiteRules) -> Finding:
    """How often the same letters were sent in the last hour, by whomever."""
    settings = site.settings.duplicates
    data = {"seen": case.limited.seen, "from": settings.near_count}
    if case.limited.seen >= settings.near_count:
        return Finding("duplicates.near", Effect(settings.near), "seen-before", data=data)
    return Finding("duplicates.near", data=data)


def disposable_email(case: Case, site: SiteRules) -> Finding:
    """Whether the address is at a provider of throw-away mail. The domain is not kept."""
    domain = case.email_domain or ""
    parents = [domain[at:] for at in range(len(domain)) if at == 0 or domain[at - 1] == "."]
    if any(parent in site.disposable for parent in parents):
        return Finding(
            "author.disposable-email", Effect(site.settings.author.disposable_email), "disposable-email", "author.email"
        )
    return Finding("author.disposable-email", field="author.email")


def record(case: Case, site: SiteRules) -> Finding:
    """What moderators decided about this author's earlier comments."""
    settings = site.settings.author
    refused = case.record.rejected + case.record.spam
    data = {"approved": case.record.approved, "refused": refused, "from": settings.refused_most}
    if refused >= settings.refused_most and refused > case.record.approved:
        return Finding("author.record", Effect(settings.refused), "refused-before", "author", data=data)
    return Finding("author.record", field="author", data=data)


def mode(case: Case, site: SiteRules) -> Finding:
    """What the site does with a comment that nothing speaks against. A typed address earns no trust: only a verified
    author gets past `first`."""
    settings = site.settings
    data = {"mode": settings.mode}
    if settings.mode == "post":
        return Finding("mode", Effect.APPROVE, "post-moderation", "site", data=data)
    if settings.mode == "first" and case.verified and case.record.approved >= settings.first_approved:
        return Finding(
            "mode", Effect.APPROVE, "approved-before", "site", data=data | {"approved": case.record.approved}
        )
    code = "first-comments" if settings.mode == "first" else "pre-moderation"
    return Finding("mode", Effect.PASS, code, "site", data=data)
