"""A submission under rules of the admin's own, through a real store: what fired is kept, and so are its facts."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from tests.actions.test_submit import rows, submission

from moderation.actions import articles
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges.schema import comment_rules, comments
from moderation.judge.cases import recall
from moderation.judge.pipeline import judge
from moderation.runtime import Runtime
from moderation.values import Effect

RULES = """
[sites.demo]
mode = "post"

[[rules]]
id = "newcomer"
when = 'author.approved == 0 && "sport" in article.tags'
then = "hold"
because = "A first comment in sport"

[[rules]]
id = "trial"
when = 'comment.length > 10'
then = "reject"
shadow = true

[[rules]]
id = "welcome"
when = 'comment.body.matches("welcome")'
then = "approve"
"""


def test_what_fired_is_kept_with_the_comment_and_can_be_judged_again(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES)
    articles.change(
        rt, COMMAND_LINE, "demo", "first", closed=None, title=None, url=None, tags=["sport"], request_id="r"
    )
    receipt = Intake(rt).submit(submission())
    with rt.store.reading() as connection:
        stored = queries.comment(connection, receipt.comment_id)
    assert stored is not None
    fired = {each.rule: each for each in stored.findings if each.code.startswith("rule")}
    assert {name: each.effect for name, each in fired.items()} == {"newcomer": Effect.HOLD, "trial": Effect.OBSERVE}
    assert fired["newcomer"].data == {
        "because": "A first comment in sport",
        "saw": {"article.tags": 1, "author.approved": 0},
    }
    assert stored.status == "pending"
    assert sorted(row.rule for row in rows(rt, comment_rules)) == ["newcomer", "trial"]
    (row,) = rows(rt, comments)
    case = recall(
        row.facts, site=row.site, body=row.body, author_name=row.author_name, author_url=row.author_url,
        verified=row.verified, is_reply=row.parent_id is not None, at=row.created_at,
    )  # fmt: skip
    assert judge(case, rt.rules.sites["demo"]).findings == stored.findings
    assert "example.org" not in str(row.facts)


def test_what_fired_goes_with_the_comment(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES)
    Intake(rt).submit(submission())
    with rt.store.writing() as tx:
        tx.execute(sa.delete(comments))
    assert rows(rt, comment_rules) == []


def test_the_address_tells_how_often_it_wrote(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES)
    intake = Intake(rt)
    for number in range(3):
        intake.submit(submission(number))
    assert [row.facts["limited"][3] for row in rows(rt, comments)] == [0, 1, 2]


def test_a_rule_that_approves_tells_nobody_by_a_typed_address(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime(RULES.replace('mode = "post"', 'mode = "pre"'))
    receipt = Intake(rt).submit(submission(body="You are welcome here."))
    (row,) = rows(rt, comments)
    assert row.status == "approved"
    assert receipt.published is False
