"""The rules, compiled once: what a reload builds and swaps. Immutable; shared by all threads of a process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from moderation.rates import Window, parse_rate
from moderation.settings import Limits, Retention, Rules, Site
from moderation.text.lexicon import load, parse
from moderation.text.matcher import Matcher, compile_lexicon


@dataclass(frozen=True, slots=True)
class SiteRules:
    """One site's rules. `windows` are its rate limits by scope; `disposable` the domains of throw-away addresses."""

    id: str
    settings: Site
    matcher: Matcher
    windows: Mapping[str, tuple[Window, ...]]
    disposable: frozenset[str]
    revision: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All sites' rules under one revision: 16 hex digits that change with any setting or word list."""

    revision: str
    sites: Mapping[str, SiteRules]
    retention: Retention


def build(rules: Rules, text: str) -> Ruleset:
    """Compile `rules`; `text` is their source and serves only to name places in errors. Sites with the same words
    share one matcher. Raises LexiconError (a ValueError) for words that cannot be."""
    revision = _revision(rules)
    disposable = disposable_domains()
    sites = {
        name: SiteRules(name, site, _matcher(site), _windows(site.limits), disposable, revision)
        for name, site in rules.sites.items()
    }
    return Ruleset(revision, sites, rules.retention)


def _revision(rules: Rules) -> str:
    """The same for files that differ only in comments, order or spelling of the same settings."""
    digest = hashlib.sha256(json.dumps(rules.model_dump(mode="json"), sort_keys=True).encode())
    digest.update(_lexicons())
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


def _matcher(site: Site) -> Matcher:
    words = site.words
    regrade = tuple(sorted(words.regrade.items()))
    return _compiled(*map(tuple, (words.languages, words.off, words.deny, words.allow)), regrade, words.own)


@lru_cache(maxsize=16)
def _compiled(
    languages: tuple[str, ...],
    off: tuple[str, ...],
    deny: tuple[str, ...],
    allow: tuple[str, ...],
    regrade: tuple[tuple[str, str], ...],
    own: str,
) -> Matcher:
    listed = parse(own, "words.own") if own else None
    return compile_lexicon(load(languages, deny, allow, own=listed, off=off, regraded=dict(regrade)))


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
        )
    }


def _by_period(rates: Sequence[str]) -> list[str]:
    return sorted(rates, key=lambda rate: parse_rate(rate)[1])


def _window(scope: str, number: int, rate: str, burst: int) -> Window:
    """Who sends alone may send `burst` at once, which the shortest rate sees to; other buckets hold their rate."""
    count, period = parse_rate(rate)
    most = min(count, burst) if number == 0 and scope in ("address", "pair") else count
    return Window(f"{scope}-{number}" if number else scope, count, period, most)


@lru_cache(maxsize=1)
def disposable_domains() -> frozenset[str]:
    """Domains of throw-away e-mail, from the package disposable-email-domains."""
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
