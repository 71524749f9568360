"""Ask a check outside about the comments that wait for it, and let its answer decide as the site's rules would have,
had it been there at once. Nobody's request waits for it. What cannot be asked is held and asked again, ever later.

Whatever a moderator has decided meanwhile stands; then only the finding on the card changes. Where they decide against
Akismet, it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from moderation.actions.deliveries import Kind, Result, deliver
from moderation.edges import akismet, bans, comments, external_checks, generic_check, journal, telemetry
from moderation.edges.comments import Change
from moderation.edges.external_checks import Claimed, New, Stands
from moderation.edges.schema import Tx
from moderation.edges.webhooks import secret_words
from moderation.errors import DeliveryError
from moderation.judge.cases import recall, told
from moderation.judge.pipeline import judge, with_opinion
from moderation.judge.ruleset import SiteRules
from moderation.runtime import Runtime
from moderation.values import Case, Decision, Effect, Opinion, Status, Verdict

CLAIM = timedelta(minutes=1)
MOST = 50
"""Comments a turn and site."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 3600, 10_800, 21_600))
"""After each attempt that failed. After the last, ten hours on, the comment is left to people."""
EVER = timedelta(days=2)
"""Longer than any of them waits to be asked again."""
CHECK = Kind("external-check-failed", PAUSES, telemetry.external_checks_total)
CORRECTION = Kind("external-correction-failed", PAUSES, telemetry.external_corrections_total)


def waiting(case: Case, verdict: Verdict, rules: SiteRules) -> tuple[Case, Verdict]:
    """The same as long as the check has not answered. What the site's own rules refuse is told to nobody."""
    external = rules.settings.external
    if external.kind == "off" or verdict.status not in (Status.PENDING, Status.APPROVED):
        return case, verdict
    opinion = Opinion(external.name, "waiting")
    return replace(case, opinion=opinion), with_opinion(verdict, opinion, rules)


def new(rt: Runtime, rules: SiteRules, comment_id: str, address: str, now: datetime, version: int = 1) -> New:
    """That a comment has to be asked about. One that was written anew is never published by it."""
    sealed = rt.vault.seal_sender(address, comment_id) if rules.settings.external.send_address else None
    return New(comment_id, rules.id, version, version == 1, sealed, now)


def ask_due(rt: Runtime) -> int:
    """Ask about what is due, as far as somebody else does not. How many were asked about or told of."""
    return sum(ask_site(rt, site) for site in sites_due(rt))


def sites_due(rt: Runtime) -> Sequence[str]:
    """The sites that have something to ask or to tell."""
    with rt.store.reading() as tx:
        waiting = external_checks.sites(tx)
    return [
        site for site, due_at in waiting.items() if site in rt.rules.sites and due_at <= _by(rt, rt.rules.sites[site])
    ]


def _by(rt: Runtime, rules: SiteRules) -> datetime:
    """Until when it has to be due: whoever waits for a check that was turned off waits no more."""
    return rt.now() + (EVER if rules.settings.external.kind == "off" else timedelta(0))


def ask_site(rt: Runtime, site: str) -> int:
    """Ask about what is due of one site. After one that failed the others wait for the next turn."""
    rules = rt.rules.sites.get(site)
    if rules is None:
        return 0
    with rt.store.reading() as tx:
        ids = external_checks.due(tx, site, _by(rt, rules), MOST)
    taken = 0
    for comment_id in ids:
        result = _one(rt, rules, comment_id)
        taken += result is not None
        if result in ("later", "given-up"):
            break
    return taken


def secrets(rt: Runtime, site: str, url: str) -> list[bytes]:
    """By which a site's own check knows that it is asked by us, the newest first."""
    return rt.vault.derived("links", "external", site, url)


def shown(rt: Runtime) -> list[tuple[str, str, list[str]]]:
    """Site, address and secrets of each site's own check."""
    own = [(site, rules.settings.external) for site, rules in rt.rules.sites.items()]
    return [
        (site, external.url, [secret_words(secret) for secret in secrets(rt, site, external.url)])
        for site, external in own
        if external.kind == "generic"
    ]


def _one(rt: Runtime, rules: SiteRules, comment_id: str) -> Result | None:
    """What became of one; None where somebody else has it, or there is nothing to say."""
    now = rt.now()
    with rt.store.writing() as tx:
        claimed = external_checks.claim(tx, rt.vault, comment_id, _by(rt, rules), now + CLAIM)
    if claimed is None:
        return None
    if claimed.said is not None:
        return _correct(rt, rules, claimed)
    if rules.settings.external.kind == "off":
        with rt.store.writing() as tx:
            _answered(rt, tx, rules, claimed, None)
        return None
    return _ask(rt, rules, claimed)


def _ask(rt: Runtime, rules: SiteRules, claimed: Claimed) -> Result:
    external = rules.settings.external

    def hand_over() -> Opinion:
        if external.kind == "akismet":
            return akismet.check(akismet.account_of(rt.env, rules.id, rules.settings), claimed)
        known = secrets(rt, rules.id, external.url)
        return generic_check.check(
            external.url, external.name, rt.inside, known, claimed, rules.id, rt.now(), external.seconds
        )

    def settle(tx: Tx, end: Opinion | DeliveryError) -> None:
        unanswered = Opinion(external.name, "unanswered", tries=claimed.attempts + 1)
        _answered(rt, tx, rules, claimed, unanswered if isinstance(end, DeliveryError) else end)

    def put_off(tx: Tx, until: datetime) -> None:
        external_checks.put_off(tx, claimed, until)

    return deliver(rt, CHECK, claimed.attempts, hand_over, settle, put_off, site=rules.id)


def _answered(rt: Runtime, tx: Tx, rules: SiteRules, claimed: Claimed, opinion: Opinion | None) -> None:
    """Verdict, journal and letter in one transaction; nothing where the comment is not ours to settle any more."""
    was, now = external_checks.stands(tx, claimed), rt.now()
    if was is None:
        return
    verdict = with_opinion(was.verdict, opinion, rules)
    status = was.status
    if was.status is Status.PENDING and not was.is_touched:
        if verdict.status is Status.APPROVED and claimed.may_publish:
            verdict = _of_now(rt, tx, rules, claimed.comment_id, was, verdict, opinion)
        status = verdict.status if claimed.may_publish or verdict.status is not Status.APPROVED else was.status
    facts = {name: value for name, value in was.facts.items() if name != "opinion"}
    external_checks.judged(tx, claimed.comment_id, was, verdict, status, facts | (told(opinion) if opinion else {}))
    by, said = (opinion.by, opinion.said) if opinion else ("service", "off")
    entry = journal.Entry(
        now, by, "service", "checked", was.site, claimed.comment_id, was.status.value, status.value, said
    )
    journal.write(tx, [entry])
    if status is not was.status:
        version = was.version + 1
        journal.post(tx, [journal.Letter(now, was.site, "comment.decided", claimed.comment_id, status.value, version)])
        change = Change(was.site, was.article_id, was.author, was.status, status, now)
        comments.count_changes(tx, [change], rt.store.shard)
    meant = {"ham": "ham", "spam": "spam", "blatant": "spam"}.get(said)
    again = now + timedelta(seconds=rules.settings.grace_seconds) if meant and was.is_touched else None
    external_checks.settle(tx, claimed, meant, again if is_corrected(rules) else None)


def _of_now(
    rt: Runtime, tx: Tx, rules: SiteRules, comment_id: str, was: Stands, verdict: Verdict, opinion: Opinion | None
) -> Verdict:
    """The verdict on a comment that would be published, by the rules and bans of now: the answer may come hours later.
    A ban made meanwhile only holds it, since less is kept of a sender than a ban may ask for."""
    case = recall(was.facts, site=was.site, **was.said)
    known = {ban.id for ban in case.bans}
    since = [kept.ban for kept in bans.about(tx, rt.vault, comment_id, [], rt.now()) if kept.ban.id not in known]
    if was.verdict.revision == rules.revision and not since:
        return verdict
    banned = (*case.bans, *(replace(ban, effect=Effect.HOLD) for ban in since))
    anew = judge(replace(case, bans=banned, opinion=opinion), rules)
    if anew.masks != was.verdict.masks:  # what the public would see was made by the old ones
        return replace(anew, decision=Decision.HOLD) if anew.decision is Decision.APPROVE else anew
    return anew


def is_corrected(rules: SiteRules) -> bool:
    """Whether the check is told where a moderator thinks otherwise."""
    return rules.settings.external.kind == "akismet" and rules.settings.external.correct


def _correct(rt: Runtime, rules: SiteRules, claimed: Claimed) -> Result | None:
    """Tell it what a moderator takes a comment for, where it takes it for something else."""
    meant: Literal["ham", "spam"] = "spam" if claimed.status is Status.SPAM else "ham"
    is_clear = claimed.status in (Status.SPAM, Status.APPROVED) and claimed.decided_by is not None
    if not (is_clear and is_corrected(rules)) or meant == claimed.said:
        with rt.store.writing() as tx:
            external_checks.settle(tx, claimed, claimed.said)
        return None

    def settle(tx: Tx, end: DeliveryError | None) -> None:
        external_checks.settle(tx, claimed, claimed.said if end else meant)
        if end is None:
            now, name = rt.now(), rules.settings.external.name
            entry = journal.Entry(now, name, "service", "corrected", rules.id, claimed.comment_id, reason=meant)
            journal.write(tx, [entry])

    def put_off(tx: Tx, until: datetime) -> None:
        external_checks.put_off(tx, claimed, until)

    def hand_over() -> None:
        akismet.correct(akismet.account_of(rt.env, rules.id, rules.settings), claimed, meant)

    return deliver(rt, CORRECTION, claimed.attempts, hand_over, settle, put_off, site=rules.id)
