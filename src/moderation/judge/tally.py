"""What a change of rules would have meant, counted: decisions before and after, each rule beside what people decided,
and the few changes that tell most. Pure, of constant size, and sums of it are sums of its parts."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from moderation.judge.again import Checked, Outcome, checked, outcome, same_checks
from moderation.judge.reading import Reading
from moderation.judge.ruleset import Ruleset, SiteRules
from moderation.text.redact import find_contacts
from moderation.values import Case, Decision, Effect, Finding, Status, noted

MOST_CHANGES = 20
EXCERPT = 240
REFUSED = frozenset({Decision.REJECT, Decision.SPAM})


@dataclass(frozen=True, slots=True)
class Then:
    """What was found in a comment when it came, as far as it counts (`judge.again`): by the checks and by the rules,
    under this revision."""

    revision: str
    checked: Checked
    own: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """A comment as it came, what was found in it then (None where that was under rules that are not known any more),
    and what a person decided about it since; None where nobody did."""

    id: str
    case: Case
    then: Then | None
    human: Status | None


@dataclass(slots=True)
class RuleTally:
    """How often a rule or check remarked on something, before and after; and of those after, how often a person then
    decided as it wished (`agreed`) or against it."""

    before: int = 0
    after: int = 0
    agreed: int = 0
    contradicted: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """A comment that would be decided otherwise. Sorts by how much it tells. `excerpt` has its contact data hidden;
    `spans` are places in it that rules mark, `rules` those that make the difference."""

    weight: int
    id: str
    site: str
    at: datetime
    before: str
    after: str
    human: str | None
    excerpt: str
    spans: tuple[tuple[int, int], ...]
    rules: tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """All that is counted. `moves`: (before, after) decisions. `held`: by day in the site's zone, before and after.
    `wrongly_refused`: comments that people approved and rules reject or mark as spam, before and after."""

    counted: int = 0
    left_out: int = 0
    approved_by_people: int = 0
    wrongly_refused: list[int] = field(default_factory=lambda: [0, 0])
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    rules: dict[str, RuleTally] = field(default_factory=dict)
    held: dict[str, list[int]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def add(self, past: Past, before: Outcome, after: Outcome, day: str) -> None:
        self.counted += 1
        self.moves[before.decision.value, after.decision.value] += 1
        held = self.held.setdefault(day, [0, 0])
        for number, came in enumerate((before, after)):
            held[number] += came.decision is Decision.HOLD
            self.wrongly_refused[number] += past.human is Status.APPROVED and came.decision in REFUSED
        self.approved_by_people += past.human is Status.APPROVED
        for found in noted(before.findings):
            self.rules.setdefault(found.rule, RuleTally()).before += 1
        for found in noted(after.findings):
            rule = self.rules.setdefault(found.rule, RuleTally())
            rule.after += 1
            if past.human is not None:
                is_agreed = agrees(found, past.human)
                rule.agreed += is_agreed
                rule.contradicted += not is_agreed
        if before.decision is not after.decision:
            self._keep(past, before, after)

    def _keep(self, past: Past, before: Outcome, after: Outcome) -> None:
        weight = telling_weight(past.human, before.decision, after.decision)
        if len(self.changes) == MOST_CHANGES and (weight, past.id) <= (self.changes[0].weight, self.changes[0].id):
            return
        change = _change(weight, past, before, after)
        (heapq.heappushpop if len(self.changes) == MOST_CHANGES else heapq.heappush)(self.changes, change)

    def merge(self, other: Tally) -> None:
        """Add what `other` counted."""
        self.counted += other.counted
        self.left_out += other.left_out
        self.approved_by_people += other.approved_by_people
        self.wrongly_refused = [a + b for a, b in zip(self.wrongly_refused, other.wrongly_refused, strict=True)]
        self.moves.update(other.moves)
        for name, rule in other.rules.items():
            mine = self.rules.setdefault(name, RuleTally())
            mine.before += rule.before
            mine.after += rule.after
            mine.agreed += rule.agreed
            mine.contradicted += rule.contradicted
        for day, held in other.held.items():
            mine_held = self.held.setdefault(day, [0, 0])
            mine_held[0] += held[0]
            mine_held[1] += held[1]
        self.changes = heapq.nlargest(MOST_CHANGES, [*self.changes, *other.changes])
        heapq.heapify(self.changes)


class Comparison:
    """Two sets of rules, made ready to judge the same cases one after the other. `kept` are earlier rules: of comments
    that were judged under them, what checks with the same settings found then is taken over. `revisions` are all of
    which something can be."""

    def __init__(self, before: Ruleset, after: Ruleset, kept: Iterable[Ruleset] = ()) -> None:
        self._sites: Mapping[str, tuple[SiteRules, SiteRules, frozenset[int], ZoneInfo]] = {
            name: (site, after.sites[name], same_checks(site, after.sites[name]), ZoneInfo(site.settings.timezone))
            for name, site in before.sites.items()
            if name in after.sites
        }
        self._kept = {
            (rules.revision, name): same_checks(site, before.sites[name])
            for rules in kept
            for name, site in rules.sites.items()
            if name in before.sites
        }
        self.revisions = frozenset({before.revision, *(revision for revision, _ in self._kept)})

    def add(self, past: Past, tally: Tally) -> None:
        """Judge `past` under both and count it. A comment on a site that one of them lacks is left out."""
        known = self._sites.get(past.case.site)
        if known is None:
            tally.left_out += 1
            return
        one, other, same, zone = known
        reading = Reading(past.case)
        found, own = self._then(past, reading, one)
        before = outcome(reading, one, found, own)
        after = outcome(reading, other, checked(reading, other, found, same))
        tally.add(past, before, after, past.case.at.astimezone(zone).date().isoformat())

    def _then(self, past: Past, reading: Reading, site: SiteRules) -> tuple[Checked, Sequence[Finding] | None]:
        """What the checks find under the rules of now, and what the rules do, where that is known: equal cases get
        equal verdicts."""
        then = past.then
        if then is None:
            return checked(reading, site), None
        if then.revision == site.revision:
            return then.checked, then.own
        return checked(reading, site, then.checked, self._kept.get((then.revision, site.id), frozenset())), None


def agrees(found: Finding, human: Status) -> bool:
    """Whether a person decided as the finding wished. To hold, to tag or to watch is to suspect: right if refused."""
    wish = found.data.get("would") if found.effect is Effect.OBSERVE else found.effect
    return (human is Status.APPROVED) is (wish == Effect.APPROVE.value)


def telling_weight(human: Status | None, before: Decision, after: Decision) -> int:
    """How much a change tells: most, where people decided against the new rules; next, where with them; and the more,
    the further the two decisions are apart."""
    steps = (Decision.APPROVE, Decision.HOLD, Decision.SPAM, Decision.REJECT)
    distance = abs(steps.index(before) - steps.index(after))
    if human is None or after is Decision.HOLD:
        return distance
    is_right = (human is Status.APPROVED) is (after is Decision.APPROVE)
    return distance + (10 if is_right else 20)


def _change(weight: int, past: Past, before: Outcome, after: Outcome) -> Change:
    body = past.case.body
    for contact in find_contacts(body):
        body = body[: contact.start] + "•" * (contact.end - contact.start) + body[contact.end :]
    old = {(found.rule, found.effect) for found in before.findings}
    new = {(found.rule, found.effect) for found in after.findings}
    differing = [found for found in (*before.findings, *after.findings) if (found.rule, found.effect) in old ^ new]
    spans = sorted({(s.start, s.end) for found in differing if found.field == "body" for s in found.spans})
    start = max(0, spans[0][0] - EXCERPT // 3) if spans and spans[0][1] > EXCERPT else 0
    excerpt = body[start : start + EXCERPT]
    shown = tuple((a - start, min(b - start, len(excerpt))) for a, b in spans if a - start < len(excerpt))
    rules = tuple(sorted({found.rule for found in differing}))
    human = past.human.value if past.human else None
    return Change(
        weight, past.id, past.case.site, past.case.at, before.decision.value, after.decision.value, human, excerpt,
        shown, rules,
    )  # fmt: skip
