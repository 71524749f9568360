"""The admin's own rules: what fires leaves its evidence, what fails holds, what observes changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from moderation import facts_page
from moderation.conditions.facts import BY_NAME, FACTS
from moderation.conditions.programs import Program
from moderation.edges import rules_conditions, rules_file
from moderation.errors import RulesInvalid
from moderation.judge import fact_values
from moderation.judge.cases import recall, remember
from moderation.judge.explanation import explain
from moderation.judge.fact_values import VALUES, values
from moderation.judge.pipeline import judge
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules, build
from moderation.text import language
from moderation.values import AuthorRecord, Case, Decision, Effect, Finding, Limited, Span, UnderArticle, Verdict

AT = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)
CASE = Case(
    "news", "A calm thought.", "Ana", None, True, False, False, False, None, AuthorRecord(), Limited(), AT,
    UnderArticle("first"),
)  # fmt: skip
LINKS = "See https://one.example.org/a and http://two.example.co.uk/b please."


def site(rules: str, name: str = "news", more: str = "") -> SiteRules:
    text = f"[sites.{name}]\nmode = 'post'\n{more}\n{rules}"
    return build(rules_file.check_text(text, "moderation.toml").rules, text).sites[name]


def rule(when: str, then: str = "hold", more: str = "") -> str:
    return f"[[rules]]\nid = 'mine'\nwhen = '''{when}'''\nthen = '{then}'\n{more}\n"


def found(of: Verdict, rule: str = "mine") -> Finding | None:
    return next((each for each in of.findings if each.rule == rule), None)


def test_a_rule_that_fires_leaves_what_its_condition_saw_and_where() -> None:
    rules = site(rule("author.approved == 0 && size(comment.links) >= 2", more="because = 'Two links'"))
    verdict = judge(replace(CASE, body=LINKS), rules)
    assert verdict.decision is Decision.HOLD
    fired = found(verdict)
    assert fired is not None
    assert (fired.effect, fired.code, fired.field) == (Effect.HOLD, "rule", "body")
    assert [LINKS[span.start : span.end] for span in fired.spans] == [
        "https://one.example.org/a",
        "http://two.example.co.uk/b",
    ]
    assert fired.data == {"because": "Two links", "saw": {"author.approved": 0, "comment.links": 2}}
    assert verdict.revision == rules.revision
    assert found(judge(CASE, rules)) is None
    assert judge(CASE, rules).decision is Decision.APPROVE


@pytest.mark.parametrize(
    ("then", "decision"),
    [
        ("reject", Decision.REJECT),
        ("spam", Decision.SPAM),
        ("hold", Decision.HOLD),
        ("approve", Decision.APPROVE),
        ("tag", Decision.APPROVE),
        ("observe", Decision.APPROVE),
    ],
)
def test_each_effect_leads_to_its_decision(then: str, decision: Decision) -> None:
    assert judge(CASE, site(rule("true", then))).decision is decision


def test_a_rule_in_the_shadow_only_says_what_it_would_have_done() -> None:
    verdict = judge(CASE, site(rule("true", "reject", "shadow = true")))
    fired = found(verdict)
    assert verdict.decision is Decision.APPROVE
    assert fired is not None
    assert (fired.effect, fired.code, fired.data["would"]) == (Effect.OBSERVE, "rule-observed", "reject")


def test_only_the_entries_that_a_predicate_chose_are_marked() -> None:
    verdict = judge(
        replace(CASE, body=LINKS), site(rule('comment.links.exists(l, l.domain == "example.co.uk")', "spam"))
    )
    fired = found(verdict)
    assert fired is not None
    assert [LINKS[span.start : span.end] for span in fired.spans] == ["http://two.example.co.uk/b"]


def test_expressions_are_marked_where_they_match_also_in_the_folded_text() -> None:
    body = "Größe 😀 Frée cäsh now"
    verdict = judge(replace(CASE, body=body), site(rule(r'comment.folded.matches(r"free\s+cash")')))
    fired = found(verdict)
    assert fired is not None
    assert [body[span.start : span.end] for span in fired.spans] == ["Frée cäsh"]
    plain = judge(replace(CASE, body=body), site(rule(r'comment.body.matches("now$")')))
    assert found(plain) == Finding(
        "mine", Effect.HOLD, "rule", "body", (Span(18, 21),), {"because": "the rule mine", "saw": {}}
    )


def test_the_name_is_marked_where_the_rule_is_about_the_name() -> None:
    fired = found(judge(replace(CASE, author_name="Casino Bob"), site(rule('author.name.matches("(?i)casino")'))))
    assert fired is not None
    assert (fired.field, fired.spans) == ("author.name", (Span(0, 6),))


def test_many_expressions_run_as_one_and_each_rule_hears_only_of_its_own() -> None:
    rules = "".join(
        f"[[rules]]\nid = 'r{number}'\nwhen = 'comment.body.matches(r\"\\bword{number}\\b\")'\nthen = 'tag'\n"
        for number in range(200)
    )
    verdict = judge(replace(CASE, body="word7 and word199, not word"), site(rules))
    assert [each.rule for each in verdict.findings if each.code == "rule"] == ["r7", "r199"]


@pytest.mark.parametrize("when", ["1 / author.approved > 0", "comment.links[3].host == 'x'", "int(author.name) > 1"])
def test_a_rule_that_fails_holds_and_says_which(when: str) -> None:
    verdict = judge(CASE, site(rule(when, "approve")))
    failed = found(verdict)
    assert verdict.decision is Decision.HOLD
    assert failed is not None
    assert (failed.code, failed.data["id"]) == ("rule-failed", "mine")
    assert "Ana" not in str(failed.data)


def test_a_rule_that_fails_in_the_shadow_changes_nothing() -> None:
    assert judge(CASE, site(rule("1 / author.approved > 0", "reject", "shadow = true"))).decision is Decision.APPROVE


def test_rules_hold_only_where_they_are_meant_to() -> None:
    other = "[sites.blog]\nmode = 'post'"
    assert judge(CASE, site(rule("true", more="sites = ['blog']"), more=other)).decision is Decision.APPROVE
    assert judge(CASE, site(rule("true", more="sites = ['news']"), more=other)).decision is Decision.HOLD
    assert judge(CASE, site(rule("true", more="articles = ['second']"))).decision is Decision.APPROVE
    assert judge(CASE, site(rule("true", more="articles = ['first']"))).decision is Decision.HOLD
    assert judge(CASE, site(rule("true", more="enabled = false"))).decision is Decision.APPROVE


def test_the_evaluator_takes_every_fact_with_the_type_it_is_told_to_have() -> None:
    zero = {"bool": "true", "int": "0", "double": "0.0", "string": '""', "timestamp": "time.now"}
    whens = [
        f"{fact.name} == {zero[fact.type.name]} || true" if fact.type.name in zero else f"size({fact.name}) >= 0"
        for fact in FACTS
    ]
    verdict = judge(replace(CASE, body=LINKS + " crap"), site(rule(" && ".join(f"({when})" for when in whens))))
    fired = found(verdict)
    assert fired is not None
    assert fired.code == "rule"


def test_the_table_of_facts_is_the_one_that_is_filled_and_the_one_in_the_docs() -> None:
    assert list(VALUES) == [fact.name for fact in FACTS] == list(BY_NAME)
    page = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
    assert facts_page.table() in page


def test_facts_are_what_they_say() -> None:
    body = "Crap!\n\nAAAA write to a.reader@example.org: https://www.example.co.uk/x"
    record = AuthorRecord(approved=3, rejected=1, spam=0, first_seen=AT - timedelta(days=2))
    case = replace(
        CASE, body=body, record=record, is_reply=True, limited=Limited(seen=2, address_recent=4),
        article=UnderArticle("first", 12, AT - timedelta(days=1), ("sport",)), seconds_to_submit=7,
    )  # fmt: skip
    rules = site("", more="timezone = 'Europe/Berlin'")
    told = values(Reading(case), rules, BY_NAME)
    assert told["comment.folded"].startswith("crap!")
    assert told["comment.terms"][0] == {
        "text": "crap", "language": "en", "category": told["comment.terms"][0]["category"], "severity": "mild",
        "maybe": False,
    }  # fmt: skip
    assert told["comment.links"][-1] == {"host": "www.example.co.uk", "domain": "example.co.uk"}
    counted = ("comment.length", "comment.words", "comment.lines", "comment.longest_run", "comment.contacts")
    assert [told[name] for name in counted] == [len(body), 6, 2, 4, 1]
    assert [told[name] for name in ("author.approved", "author.rejected", "author.rejected_share")] == [3, 1, 0.25]
    assert told["time.now"] - told["author.first_seen"] == timedelta(days=2)
    assert [told[name] for name in ("time.hour", "time.weekday")] == [23, "wed"]
    assert [told[name] for name in ("article.comments", "article.tags", "request.reply")] == [12, ["sport"], True]
    assert [told[name] for name in ("comment.seen", "request.address_recent")] == [2, 4]
    assert told["request.seconds_to_submit"] == 7
    assert values(Reading(CASE), rules, BY_NAME)["request.seconds_to_submit"] == 0


def test_the_language_is_that_of_the_words_around_the_links() -> None:
    french = "Je ne suis pas d'accord avec vous. https://example.org/the-figures-are-at-the-town-hall-and-nobody-looks"
    rules = site(rule('comment.language == "fr"', "tag"))
    fired = found(judge(replace(CASE, body=french), rules))
    assert fired is not None
    assert fired.data["saw"] == {"comment.language": "fr"}
    assert found(judge(replace(CASE, body="The figures are at the town hall, and nobody looks."), rules)) is None


def test_what_tells_the_language_is_part_of_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    asks, asks_not = rule('comment.language == "fr"'), rule("comment.words > 3")
    before = site(asks).revision, site(asks_not).revision
    monkeypatch.setattr(language, "version", lambda: "another")
    assert (site(asks).revision == before[0], site(asks_not).revision == before[1]) == (False, True)


def test_a_case_is_recalled_as_it_was() -> None:
    case = replace(
        CASE, record=AuthorRecord(3, 1, 0, 2, AT), limited=Limited(True, False, True, 9, 4), disposable_email=True,
        seconds_to_submit=9, article=UnderArticle("first", 2, AT, ("sport", "local")), article_closed="age",
    )  # fmt: skip
    again = recall(
        remember(case), site=case.site, body=case.body, author_name=case.author_name, author_url=case.author_url,
        verified=case.verified, is_reply=case.is_reply, at=case.at,
    )  # fmt: skip
    assert again == case


def test_the_ids_of_checks_are_taken() -> None:
    ids = {each.rule for each in judge(CASE, site("")).findings}
    assert ids | {"check-failed"} == rules_conditions.CHECKS


def test_an_explanation_asks_each_rule_once_and_tells_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(program: Program, context: object, holds: Callable[[Program, object], bool] = Program.holds) -> bool:
        asked.append(program)
        return holds(program, context)

    monkeypatch.setattr(Program, "holds", counted)
    rules = site(
        rule("comment.words > 1") + rule("comment.words > 9").replace("mine", "silent")
        + rule("1 / comment.seen > 0").replace("mine", "broken")
        + rule("true", more='articles = ["other"]').replace("mine", "elsewhere")
    )  # fmt: skip
    said = explain(CASE, rules)
    assert [(each.id, each.outcome) for each in said.asked] == [
        ("mine", "fired"), ("silent", "silent"), ("broken", "failed"), ("elsewhere", "elsewhere"),
    ]  # fmt: skip
    assert said.asked[1].saw == {"comment.words": 3}
    assert len(asked) == 3
    monkeypatch.setattr(fact_values, "VALUES", {**VALUES, "comment.words": lambda *_: 1 / 0})
    assert {(each.outcome, len(each.saw)) for each in explain(CASE, rules).asked} == {("failed", 0)}


def test_a_failing_fact_holds_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = {**VALUES, "site": lambda *_: 1 / 0}
    monkeypatch.setattr(fact_values, "VALUES", broken)
    verdict = judge(CASE, site(rule('site == "news"', "approve")))
    assert verdict.decision is Decision.HOLD
    assert verdict.findings[-1].data == {"check": "rules", "error": "ZeroDivisionError"}


WRONG = """[sites.demo]
mode = 'never'
[[rules]]
id = "a"
when = 'author.aproved == 0 && size(comment.links) > 1'
then = "hold"
[[rules]]
id = "b"
then = "hold"
when = \"\"\"
author.approved == 0 \\
   && comment.body.contains(\\"x\\") && comment.lenght > 3\"\"\"
[[rules]]
id = "c"
then = "spam"
when = 'comment.body.matches(r"(a")'
"""


def problems(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(RulesInvalid) as refused:
        rules_file.check_text(text, "moderation.toml")
    return [(each.line, each.column, each.allowed) for each in refused.value.problems]


def test_every_mistake_is_told_at_once_with_its_line_and_column() -> None:
    told = problems(WRONG)
    assert [place[:2] for place in told] == [(2, 1), (5, 16), (12, 47), (16, 30)]
    assert "did you mean approved" in told[1][2]
    assert "did you mean length" in told[2][2]
    assert "RE2" in told[3][2]
    lines = WRONG.split("\n")
    assert lines[4][15:].startswith("aproved")
    assert lines[11][46:].startswith("lenght")
    assert lines[15][29:].startswith('r"(a')


def test_ids_sites_and_reasons_are_looked_up() -> None:
    text = (
        "[sites.demo]\n" + rule("true", more="sites = ['dmo']\npublic = 'nope'") + rule("true").replace("mine", "links")
    )
    told = problems(text + rule("true"))
    assert [what for _, _, what in told] == [
        "each rule needs an id of its own",
        "there is no such site; did you mean demo?",
        "a check of this service has this id; allowed is any other",
        "each rule needs an id of its own",
    ]
    (reason,) = problems("[sites.demo]\n" + rule("true", more="public = 'nope'"))
    assert "code of a reason" in reason[2]
