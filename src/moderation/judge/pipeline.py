"""The order of the checks, and how a verdict is formed from what they found. Pure: equal cases get equal verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from moderation.judge import checks
from moderation.judge.checks import STRENGTH
from moderation.judge.ruleset import SiteRules
from moderation.values import Case, Decision, Effect, Finding, Span, Verdict

Check = Callable[[Case, SiteRules], Finding]

CHECKS: tuple[Check, ...] = (
    checks.article,  # first, since nothing else matters where no comment belongs
    checks.length,  # before anything that reads the text
    checks.contacts,  # says what the public will not see
    checks.limits,  # doubt about the sender, before doubt about the words
    checks.words_in_body,  # the costliest, and the one moderators look for first
    checks.words_in_name,
    checks.words_in_website,
    checks.links,
    checks.shouting,
    checks.repetition,
    checks.near_duplicate,  # what others sent
    checks.disposable_email,
    checks.record,  # what was decided before
    checks.mode,  # last: the site's own wish, which everything above may overrule
)

CODES = frozenset({
    "passed", "check-failed", "article-closed", "length", "limits-unavailable", "email-limit", "contacts", "maybe-word",
    "mild-word", "strong-word", "severe-word", "many-links", "shortener", "denied-domain", "shouting", "long-run",
    "repeated-words", "seen-before", "disposable-email", "refused-before", "post-moderation", "approved-before",
    "first-comments", "pre-moderation",
})  # fmt: skip
"""Every code a finding may carry; the door has a sentence for each."""

_DECISIONS = {
    Effect.REJECT: Decision.REJECT,
    Effect.SPAM: Decision.SPAM,
    Effect.HOLD: Decision.HOLD,
    Effect.APPROVE: Decision.APPROVE,
}


def judge(case: Case, site: SiteRules) -> Verdict:
    """Ask every check, then weigh. Nothing is cut short: a moderator sees all of the evidence."""
    findings = tuple(_ask(check, case, site) for check in CHECKS)
    return Verdict(weigh(findings), findings, _masks(findings, site), site.revision)


def weigh(findings: Sequence[Finding]) -> Decision:
    """Reject over spam over hold over approve; where nobody approves, hold. A finding more never makes it milder."""
    strongest = max((found.effect for found in findings), key=STRENGTH.__getitem__, default=Effect.HOLD)
    return _DECISIONS.get(strongest, Decision.HOLD)


def _ask(check: Check, case: Case, site: SiteRules) -> Finding:
    """The check's finding. One that fails holds, and says which and how, without quoting anything."""
    try:
        return check(case, site)
    except Exception as error:  # noqa: BLE001 - doubt holds, whatever its kind
        return Finding(
            "check-failed", Effect.HOLD, "check-failed", data={"check": check.__name__, "error": type(error).__name__}
        )


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
