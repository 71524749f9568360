"""The order of the checks, and how a verdict is formed from what they found. Pure: equal cases get equal verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from moderation.judge import checks, external, forms, signals
from moderation.judge.reading import Reading
from moderation.judge.rules import RULES_CHECK, ask_rules
from moderation.judge.ruleset import SiteRules
from moderation.values import EXTERNAL, Case, Decision, Effect, Finding, Opinion, Span, Verdict

Check = Callable[[Reading, SiteRules], Finding]

CHECKS: tuple[Check, ...] = (
    checks.article,  # first, since nothing else matters where no comment belongs
    checks.length,  # before anything that reads the text
    checks.contacts,  # says what the public will not see
    checks.limits,  # doubt about the sender, before doubt about the words
    checks.ban,
    forms.token,
    forms.trap,
    forms.proof,
    checks.words_in_body,  # the costliest, and the one moderators look for first
    checks.words_in_name,
    checks.words_in_website,
    checks.links,
    checks.disguised_links,
    checks.shouting,
    checks.repetition,
    checks.near_duplicate,  # what others sent
    signals.similar,  # from here to `burst`: facts alone, for the admin's rules
    signals.link_density,
    signals.repeated_phrases,
    signals.other_script,
    signals.burst,
    external.check,  # what somebody outside says
    checks.disposable_email,
    checks.record,  # what was decided before
    checks.mode,  # the site's own wish, which everything above and the admin's rules may overrule
)

CODES = frozenset({
    "passed", "check-failed", "article-closed", "length", "limits-unavailable", "email-limit", "contacts", "maybe-word",
    "unread-words",
    "mild-word", "strong-word", "severe-word", "many-links", "shortener", "denied-domain", "shouting", "long-run",
    "repeated-words", "seen-before", "disposable-email", "refused-before", "post-moderation", "approved-before",
    "first-comments", "pre-moderation", "similar-text", "link-density", "disguised-link", "repeated-phrases",
    "other-script", "burst", "form-missing", "form-forged", "form-used", "form-early", "form-late", "form-trap",
    "proof-missing", "proof-wrong", "proof-used", "proof-late", "rule", "reported", "appeal", "appeal-person",
    "rule-observed", "rule-failed", "site-fuse", "external-check-waiting", "external-check-ham", "external-check-spam",
    "external-check-blatant", "external-check-hold", "external-check-unanswered", "banned", "banned-perhaps",
    "pre-moderated",
})  # fmt: skip
"""Every code a finding may carry; the door has a sentence for each."""

_GRAVEST_FIRST = (
    (Effect.REJECT, Decision.REJECT),
    (Effect.SPAM, Decision.SPAM),
    (Effect.HOLD, Decision.HOLD),
    (Effect.APPROVE, Decision.APPROVE),
)


def judge(case: Case, site: SiteRules) -> Verdict:
    """Ask every check and every rule, then weigh. Nothing is cut short: a moderator sees all of the evidence."""
    return judge_reading(Reading(case), site)


def judge_reading(reading: Reading, site: SiteRules) -> Verdict:
    """The same for a case that was read before."""
    return _verdict([ask_check(check, reading, site) for check in CHECKS], reading, site)


def with_opinion(verdict: Verdict, opinion: Opinion | None, site: SiteRules) -> Verdict:
    """The verdict that it would have been, had this been said outside. What else was found stays as it was."""
    told = external.found(opinion, site) if opinion else Finding(EXTERNAL)
    findings = tuple(told if each.rule == EXTERNAL else each for each in verdict.findings)
    return replace(verdict, decision=weigh(findings), findings=findings)


def language_told(reading: Reading, site: SiteRules) -> str | None:
    """The language to keep with the comment; None where the site does not ask, or it is not sure."""
    try:
        return (reading.language or None) if site.tells_language else None
    except Exception:  # noqa: BLE001 - what cannot be told is not told, and no comment is lost for it
        return None


def _verdict(checked: Sequence[Finding], reading: Reading, site: SiteRules) -> Verdict:
    findings = (*checked, *ask_own(reading, site))
    return Verdict(weigh(findings), findings, _masks(findings, site), site.revision)


def weigh(findings: Sequence[Finding]) -> Decision:
    """Reject over spam over hold over approve; where nobody approves, hold. A finding more never makes it milder."""
    effects = [found.effect for found in findings]
    return next((decision for effect, decision in _GRAVEST_FIRST if effect in effects), Decision.HOLD)


def ask_check(check: Check, reading: Reading, site: SiteRules) -> Finding:
    """The check's finding. One that fails holds, and says which and how, without quoting anything."""
    try:
        return check(reading, site)
    except Exception as error:  # noqa: BLE001 - doubt holds, whatever its kind
        return _check_failed(check.__name__, error)


def ask_own(reading: Reading, site: SiteRules) -> Sequence[Finding]:
    """The findings of the admin's rules. Where the facts they need cannot be had, all of them hold as one."""
    try:
        return ask_rules(reading, site)
    except Exception as error:  # noqa: BLE001 - doubt holds, whatever its kind
        return [_check_failed(RULES_CHECK, error)]


def _check_failed(name: str, error: Exception) -> Finding:
    data = {"check": name, "error": type(error).__name__}
    return Finding("check-failed", Effect.HOLD, "check-failed", data=data)


def _masks(findings: Sequence[Finding], site: SiteRules) -> tuple[Span, ...]:
    """What the public does not see. Contact data goes before words that overlap it: half an address would show."""
    contacts = [span for found in findings if found.rule == "contacts" for span in found.spans]
    if not site.settings.contacts.mask:
        contacts = []
    words = [
        Span(span.start, span.end, "word")
        for found in findings
        if found.rule == "words.body"
        for span in found.spans
        if checks.is_masked(span, site)
        and not any(contact.start < span.end and span.start < contact.end for contact in contacts)
    ]
    return tuple(sorted((*contacts, *words), key=lambda span: span.start))
