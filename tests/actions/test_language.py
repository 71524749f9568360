"""The language of a comment: kept where the site asks for it, followed when it is written anew, filtered by."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.actions.test_queue import report_all, shown
from tests.actions.test_review import ANA
from tests.actions.test_submit import submission
from tests.service import RULES

from moderation.actions import own_comment, privacy, review
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges.queue import Asked
from moderation.judge.reading import Reading
from moderation.receipts import give
from moderation.runtime import Runtime
from moderation.text.language import _identifier
from moderation.values import Decision, Ruling, Sort, Status
from moderation.web.languages import LANGUAGES

TOLD = RULES.replace("[sites.demo]", "[sites.demo]\ntell_language = true")
GERMAN = "Das ist doch alles nur Geschwätz, sagt mein Nachbar."
FRENCH = "Je ne suis pas d'accord avec vous."
ENGLISH = "The figures are at the town hall, and nobody wants to look at them."
RULE = """
[[rules]]
id = "foreign"
when = 'comment.language == "fr"'
then = "hold"
because = "In French"
sites = ["open"]
"""


def send(rt: Runtime, number: int, body: str, site: str = "demo") -> str:
    return Intake(rt).submit(submission(number, body=body, site=site)).comment_id


def kept(rt: Runtime, comment_id: str) -> str | None:
    with rt.store.reading() as tx:
        comment = queries.comment(tx, comment_id)
    assert comment
    return comment.language


def test_it_is_kept_where_the_site_or_a_rule_of_it_asks(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(TOLD + RULE)
    assert [kept(rt, send(rt, n, body)) for n, body in enumerate([GERMAN, ENGLISH, "lol ok"])] == ["de", "en", None]
    assert kept(rt, send(rt, 5, FRENCH, "open")) == "fr"
    assert kept(rt, send(rt, 6, FRENCH, "strict")) is None


def test_the_queue_is_filtered_by_it_in_every_order(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(TOLD)
    german, _, other, _ = (
        send(rt, n, f"{body} {n}") for n, body in enumerate([GERMAN, ENGLISH, f"{GERMAN} WIRKLICH", FRENCH])
    )
    report_all(rt)
    for sort in Sort:
        found = shown(rt, Asked(None, language="de", sort=sort), 1)
        assert sorted(found) == [german, other], sort
    assert shown(rt, Asked(["demo"], language="de", words="Nachbar", sort=Sort.NEWEST)) == [other, german]
    assert shown(rt, Asked(None, Status.SPAM, language="de")) == []
    assert shown(rt, Asked(None, language="it")) == []


def test_it_follows_the_text_and_goes_with_it(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(TOLD)
    comment = send(rt, 1, GERMAN)
    own_comment.edit(rt, give(rt, comment), 1, ENGLISH, "203.0.113.7", "r")
    assert kept(rt, comment) == "en"
    assert review.decide(rt, ANA, [Ruling(comment, 2, Decision.APPROVE)], "r")[0].result == "decided"
    Intake(rt).submit(submission(2, parent=comment))
    privacy.erase(rt, COMMAND_LINE, "reader1@example.org", "asked")
    assert kept(rt, comment) is None, "its place stays, since it was answered"


def test_what_cannot_be_told_loses_no_comment(
    make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    rt = make_runtime(TOLD)

    def fail(reading: Reading) -> str:
        raise ValueError("no model")

    monkeypatch.setattr(Reading, "language", property(fail))
    assert kept(rt, send(rt, 1, GERMAN)) is None


def test_each_language_that_can_be_told_has_a_name() -> None:
    assert set(_identifier().nb_classes) - {"zxx"} == set(LANGUAGES)
    assert LANGUAGES["ht"] == "Haitian Creole"
