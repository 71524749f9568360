"""Past comments judged once more, for what would be different. Gives the decision and the findings that count, as the
whole judgement would, and leaves out what neither needs: what passed, and signs that decide nothing of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from moderation.judge import checks, external, forms, signals
from moderation.judge.pipeline import CHECKS, Check, ask_check, ask_own, weigh
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.values import Decision, Effect, Finding

Checked = tuple[Finding | None, ...]
"""What each of `CHECKS` found, in their order; None where that does not count."""

FACTS_ALONE: frozenset[Check] = frozenset({
    signals.similar, signals.link_density, signals.repeated_phrases, signals.other_script,
    signals.burst,
})  # fmt: skip
"""Checks whose findings nothing follows from: a rule that wants their facts reads them itself."""

DECIDING: Mapping[int, Check] = {number: check for number, check in enumerate(CHECKS) if check not in FACTS_ALONE}
"""The others, by their number in `CHECKS`."""

_NONE: Checked = (None,) * len(CHECKS)


class Outcome(NamedTuple):
    """What comes of a comment. `findings` are those that count, of checks and rules."""

    decision: Decision
    findings: tuple[Finding, ...]


def checked(reading: Reading, site: SiteRules, known: Checked = _NONE, same: frozenset[int] = frozenset()) -> Checked:
    """Ask the checks. What those in `same` (`same_checks`) find is taken from `known`."""
    if len(same) == len(CHECKS):
        return known
    found = list(known if same else _NONE)
    for number, check in DECIDING.items():
        if number not in same:
            one = ask_check(check, reading, site)
            found[number] = one if one.effect is not Effect.PASS else None
    return tuple(found)


def outcome(reading: Reading, site: SiteRules, checked: Checked, own: Sequence[Finding] | None = None) -> Outcome:
    """Weigh what the checks found with what the admin's own rules find, or `own`, where that is known."""
    findings = (*filter(None, checked), *(ask_own(reading, site) if own is None else own))
    return Outcome(weigh(findings), findings)


def same_checks(one: SiteRules, other: SiteRules) -> frozenset[int]:
    """Which of `CHECKS`, by number, find the same in any case under both rules: those that read equal settings."""

    def read(site: SiteRules, check: Check) -> list[object]:
        lists = [site.lists] if "words" in SETTINGS[check] else []
        return [*(getattr(site.settings, name) for name in SETTINGS[check]), *lists]

    return frozenset(number for number, check in enumerate(CHECKS) if read(one, check) == read(other, check))


SETTINGS: Mapping[Check, tuple[str, ...]] = {
    checks.article: ("closed",),
    checks.length: ("lengths",),
    checks.contacts: ("contacts",),
    checks.limits: (),
    checks.ban: (),
    forms.token: ("form",),
    forms.trap: ("form",),
    forms.proof: ("form",),
    checks.words_in_body: ("words",),
    checks.words_in_name: ("words",),
    checks.words_in_website: ("words",),
    checks.links: ("links",),
    checks.disguised_links: ("links",),
    checks.shouting: ("style",),
    checks.repetition: ("style",),
    checks.near_duplicate: ("duplicates",),
    signals.similar: (),
    signals.link_density: (),
    signals.repeated_phrases: (),
    signals.other_script: ("words",),
    signals.burst: (),
    external.check: ("external",),
    checks.disposable_email: ("author",),
    checks.record: ("author",),
    checks.mode: ("mode", "first_approved"),
}
"""The settings of a site that each check reads, and nothing else of it."""
