"""Signs of mass-made comments, as facts: each check tells what it saw and what it compared that with, and decides
nothing. The admin's rules weigh them. Called as `checks` are."""

from __future__ import annotations

from functools import lru_cache

from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.text.signals import SCRIPTS
from moderation.values import Effect, Finding, passed

DENSE = 0.3  # share of a text's characters in links from which it is told
PHRASES = 0.2  # share of repeated runs of three words
LETTERS = 12  # letters from which a script is told
BUSY = 10  # comments under one article at once that are a burst


def similar(reading: Reading, site: SiteRules) -> Finding:
    """Texts of the last hour that are much like this one, by other authors and under other articles too."""
    near = reading.case.limited.near
    if near > reading.case.limited.seen:
        return Finding("duplicates.similar", Effect.OBSERVE, "similar-text", data={"near": near})
    return passed("duplicates.similar")


def link_density(reading: Reading, site: SiteRules) -> Finding:
    """The share of the text that is links."""
    share = reading.link_share
    if share < DENSE:
        return passed("links.density")
    return Finding("links.density", Effect.OBSERVE, "link-density", data={"link_share": share})


def repeated_phrases(reading: Reading, site: SiteRules) -> Finding:
    """Runs of three words that come again and again."""
    found = reading.phrases
    if found.share < PHRASES:
        return passed("style.phrases")
    data = {"times": found.times, "phrase_share": found.share}
    return Finding("style.phrases", Effect.OBSERVE, "repeated-phrases", data=data)


def other_script(reading: Reading, site: SiteRules) -> Finding:
    """Whether the text is written in a script that none of the site's languages use."""
    found = reading.script
    known = _scripts(tuple(site.settings.words.languages))
    if found.letters < LETTERS or found.name in known or (found.name == "Han" and "Kana" in known):
        return passed("style.script")
    data = {"script": found.name, "script_share": found.share, "known": known}
    return Finding("style.script", Effect.OBSERVE, "other-script", data=data)


@lru_cache(maxsize=100)
def _scripts(languages: tuple[str, ...]) -> list[str]:
    return sorted({SCRIPTS.get(language, "Latin") for language in languages})


def burst(reading: Reading, site: SiteRules) -> Finding:
    """Whether comments pour in under this article."""
    recent, most = reading.case.limited.article_recent, reading.case.limited.article_most
    if recent < BUSY or recent * 2 < most:
        return passed("article.burst", "article")
    return Finding("article.burst", Effect.OBSERVE, "burst", "article", data={"recent": recent, "most": most})
