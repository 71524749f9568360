"""The rules, compiled once: what a reload builds and swaps. Immutable; shared by all threads of a process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from moderation import __version__
from moderation.conditions.programs import compiled
from moderation.judge.rulebook import Rulebook, rulebook
from moderation.rates import Window, parse_rate
from moderation.settings import Example, Limits, Retention, Rule, Rules, Site
from moderation.text import language
from moderation.text.inflected import reached, regraded
from moderation.text.lexicon import Lexicon, join, parse
from moderation.text.matcher import Matcher
from moderation.text.own_words import matcher_of
from moderation.values import Effect

LANGUAGE = "comment.language"


@dataclass(frozen=True, slots=True)
class SiteRules:
    """One site's rules. `windows` are its rate limits by scope, `wider` those of regulars; `book` holds the admin's own
    rules; `lists` are its own word lists by name, and `effects` what single words of them lead to. `tells_language`:
    whether each comment's language is kept with it."""

    id: str
    settings: Site
    matcher: Matcher
    windows: Mapping[str, tuple[Window, ...]]
    wider: Mapping[str, tuple[Window, ...]]
    book: Rulebook
    revision: str
    lists: tuple[tuple[str, str], ...]
    effects: Mapping[str, Effect]
    tells_language: bool


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All sites' rules under one revision: 16 hex digits that change with any setting, word list or version."""

    revision: str
    sites: Mapping[str, SiteRules]
    rules: tuple[Rule, ...]
    examples: tuple[Example, ...]
    retention: Retention


def build(rules: Rules, text: str, lists: Mapping[str, str] = MappingProxyType({})) -> Ruleset:
    """Compile `rules` with the word lists they name (`lists`, by name); `text` is their source and serves only to name
    places in errors. Sites with the same words share one matcher. Raises LexiconError or ConditionError (both
    ValueErrors) for words or conditions that cannot be; `edges.rules_file` has told of them before."""
    revision = _revision(rules, lists)
    if _asking_for_language(rules.rules) or any(site.tell_language for site in rules.sites.values()):
        language.make_ready()
    sites = {name: _site(name, site, rules, lists, revision) for name, site in rules.sites.items()}
    return Ruleset(revision, sites, tuple(rules.rules), tuple(rules.examples), rules.retention)


def _site(name: str, site: Site, rules: Rules, lists: Mapping[str, str], revision: str) -> SiteRules:
    own = (("words.own", site.words.own), *((listed, lists[listed]) for listed in site.words.lists))
    matcher, effects = _matcher(site, own)
    book = rulebook(rules.rules, name)
    windows = _windows(site.limits)
    wider = _wider(windows, site.limits.regular_factor)
    tells_language = site.tell_language or LANGUAGE in book.facts
    return SiteRules(name, site, matcher, windows, wider, book, revision, own, effects, tells_language)


def without_language(rules: Sequence[Rule]) -> list[str]:
    """The ids of those that ask which language a comment is in, where nothing is installed that could tell."""
    return [] if language.version() else _asking_for_language(rules)


def sites_without_language(sites: Mapping[str, Site]) -> list[str]:
    """The ids of those that wish to know each comment's language, where nothing is installed that could tell."""
    return [] if language.version() else [name for name, site in sites.items() if site.tell_language]


def _asking_for_language(rules: Sequence[Rule]) -> list[str]:
    return [rule.id for rule in rules if rule.enabled and LANGUAGE in compiled(rule.when).facts]


def _revision(rules: Rules, lists: Mapping[str, str]) -> str:
    """The same for files that differ only in comments, order or spelling of the same settings. Another version of this
    service is another revision, since its checks may find other things."""
    digest = hashlib.sha256(__version__.encode())
    digest.update(json.dumps(rules.model_dump(mode="json"), sort_keys=True).encode())
    digest.update(_lexicons())
    if lists:
        digest.update(json.dumps(dict(lists), sort_keys=True).encode())
    if _asking_for_language(rules.rules):
        digest.update(f"language {language.version()}".encode())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _lexicons() -> bytes:
    """A digest of the shipped lists of words, innocent words and look-alikes: a new list is a new revision."""
    folder = resources.files("moderation.text")
    files = [file for part in (folder, folder.joinpath("lexicons")) for file in part.iterdir()]
    digest = hashlib.sha256()
    for file in sorted((file for file in files if file.name.endswith(".txt")), key=lambda file: file.name):
        digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def _matcher(site: Site, own: tuple[tuple[str, str], ...]) -> tuple[Matcher, Mapping[str, Effect]]:
    words = site.words
    regrade = tuple(sorted(words.regrade.items()))
    return _compiled(*map(tuple, (words.languages, words.off, words.deny, words.allow)), regrade, own)


@lru_cache(maxsize=16)
def _compiled(
    languages: tuple[str, ...],
    off: tuple[str, ...],
    deny: tuple[str, ...],
    allow: tuple[str, ...],
    regrade: tuple[tuple[str, str], ...],
    own: tuple[tuple[str, str], ...],
) -> tuple[Matcher, Mapping[str, Effect]]:
    """The matcher, and the effects that single words of the site's own lists have."""
    listed = join([_parsed(content, name) for name, content in own if content])
    named = (*dict(regrade), *deny, *(term.text for term in listed.terms))
    if allow:  # what a site allows needs no words compiled anew
        matcher, told = _compiled(languages, off, deny, (), regrade, own)
        return matcher.allowing((*allow, *reached(allow, named))), told
    effects = {term.text: Effect(term.effect) for term in listed.terms if term.effect}
    listed = replace(listed, allow=(*listed.allow, *reached(listed.allow, named)))
    return matcher_of(languages, off, deny, regraded(dict(regrade)), listed), MappingProxyType(effects)


@lru_cache(maxsize=64)
def _parsed(content: str, name: str) -> Lexicon:
    return parse(content, name)


def _windows(limits: Limits) -> dict[str, tuple[Window, ...]]:
    return {
        scope: tuple(_window(scope, number, rate, limits.burst) for number, rate in enumerate(_by_period(rates)))
        for scope, rates in (
            ("address", limits.address),
            ("network", limits.network),
            ("email", limits.email),
            ("pair", limits.pair),
            ("article", limits.article),
            ("site", limits.site),
            ("fuse", limits.fuse),
            ("report", limits.report),
            ("letter", limits.letter),
            ("report-letter", limits.report_letter),
            ("letters", limits.letters),
        )
    }


def _wider(windows: Mapping[str, tuple[Window, ...]], factor: int) -> dict[str, tuple[Window, ...]]:
    """Those of a regular. They charge the same counters, each comment by so much less."""
    return {
        scope: tuple(replace(each, limit=each.limit * factor, burst=each.burst * factor) for each in found)
        if scope in ("address", "email", "pair")
        else found
        for scope, found in windows.items()
    }


def _by_period(rates: Sequence[str]) -> list[str]:
    return sorted(rates, key=lambda rate: parse_rate(rate)[1])


def _window(scope: str, number: int, rate: str, burst: int) -> Window:
    """Who sends alone may send `burst` at once, which the shortest rate sees to; other buckets hold their rate."""
    count, period = parse_rate(rate)
    most = min(count, burst) if number == 0 and scope in ("address", "pair") else count
    return Window(f"{scope}-{number}" if number else scope, count, period, most)


@lru_cache(maxsize=4096)
def is_disposable(domain: str) -> bool:
    """Whether mail to `domain`, or to a domain above it, is of a throw-away kind."""
    known = _disposable_domains()
    return any(domain[at:] in known for at in range(len(domain)) if at == 0 or domain[at - 1] == ".")


@lru_cache(maxsize=1)
def _disposable_domains() -> frozenset[str]:
    """Domains of throw-away e-mail, from the package disposable-email-domains."""
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
