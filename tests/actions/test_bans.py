"""Bans: made on an author, an address or a network, found when a comment comes, ended, lifted, forgotten; on SQLite and
PostgreSQL."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.actions.test_keys import reencrypt, rotate
from tests.actions.test_submit import rows, submission
from tests.conftest import Clock

from moderation.actions import bans as actions
from moderation.actions import keys, own_comment, privacy, retention
from moderation.actions.bans import Wish
from moderation.actions.intake.gather import gather
from moderation.actions.intake.prepare import prepare
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import bans, queries, schema
from moderation.errors import Forbidden, Invalid, KeysInvalid, NotFound
from moderation.judge.cases import recall, remember
from moderation.judge.pipeline import judge
from moderation.receipts import give
from moderation.runtime import Runtime
from moderation.values import RIGHTS, Comment, Effect, Finding, Moderator, Role, Status, Whom

ANA = Moderator(1, "Ana", RIGHTS[Role.MODERATOR], None, "moderator")
OMAR = Moderator(2, "Omar", RIGHTS[Role.AUDITOR], None, "auditor")
LENA = Moderator(3, "Lena", RIGHTS[Role.ADMIN], frozenset({"open"}), "admin")
EMAIL = "jo@banned.example"


def send(rt: Runtime, number: int = 1, **over: object) -> Comment:
    sent = Intake(rt).submit(submission(number, **{"address": f"198.51.{number}.9", **over}))
    return stored(rt, sent.comment_id)


def stored(rt: Runtime, comment_id: str) -> Comment:
    with rt.store.reading() as tx:
        found = queries.comment(tx, comment_id)
    assert found
    return found


def found_in(comment: Comment) -> Finding:
    return next(each for each in comment.findings if each.rule == "author.ban")


def make(rt: Runtime, who: Moderator = ANA, site: str | None = "demo", **over: Any) -> bans.Kept:
    wish = {"effect": Effect.REJECT, "reason": "Sells pills", "until": None, **over}
    return actions.make(rt, who, site, Wish(**wish), "r")


def on_comment(rt: Runtime, comment: Comment, whom: Whom = Whom.AUTHOR, **over: Any) -> bans.Kept:
    return make(rt, site=None, comment_id=comment.id, whom=whom, **over)


def test_a_banned_author_is_taken_in_as_ever_and_rejected_with_the_ban_and_its_reason(rt: Runtime) -> None:
    before = send(rt, 1, email=EMAIL)
    ban = on_comment(rt, before)
    whose = {EMAIL: "Ana", "x@y.example": "Bo"}
    told = [
        Intake(rt).submit(submission(2, email=email, author_name=name, address="192.0.2.8"))
        for email, name in whose.items()
    ]
    assert [each.published for each in told] == [False, False], "nobody learns it"
    banned, other = (stored(rt, each.comment_id) for each in told)
    assert (banned.status, other.status) == (Status.REJECTED, Status.PENDING)
    finding = found_in(banned)
    assert (finding.effect, finding.code) == (Effect.REJECT, "banned")
    assert finding.data == {"ban": ban.ban.id, "whom": "author", "because": "Sells pills", "bans": 1}
    assert found_in(other).code == "passed"
    assert stored(rt, before.id).status is Status.PENDING, "what is there stays as it was"


def test_case_and_a_tag_in_the_address_are_no_other_author(rt: Runtime) -> None:
    make(rt, email=EMAIL)
    spellings = (EMAIL.upper(), "jo+x@banned.example")
    assert {send(rt, n, email=email).status for n, email in enumerate(spellings, 1)} == {Status.REJECTED}


def test_pre_moderation_holds_what_the_site_would_publish(rt: Runtime) -> None:
    assert send(rt, 1, site="open").status is Status.APPROVED
    ban = make(rt, site="open", email="reader2@example.org", effect=Effect.HOLD)
    held = send(rt, 2, site="open")
    assert (held.status, found_in(held).code) == (Status.PENDING, "pre-moderated")
    assert found_in(held).data["ban"] == ban.ban.id


def test_a_ban_is_of_its_site(rt: Runtime) -> None:
    make(rt, site="open", email=EMAIL)
    assert send(rt, 1, email=EMAIL).status is Status.PENDING


@pytest.mark.parametrize(
    ("whom", "same", "other"),
    [
        (Whom.ADDRESS, "203.0.113.7", "203.0.113.8"),
        (Whom.NETWORK, "203.0.113.200", "203.0.114.7"),
    ],
)
def test_an_address_and_its_network_are_banned_from_a_card(rt: Runtime, whom: Whom, same: str, other: str) -> None:
    ban = on_comment(rt, send(rt, 1, address="203.0.113.7", email=None), whom)
    assert "203.0.113.0/24" in ban.shown
    assert "203.0.113.7" not in ban.shown
    assert send(rt, 2, address=same).status is Status.REJECTED
    assert send(rt, 3, address=other).status is Status.PENDING


@pytest.mark.parametrize(
    ("network", "whom", "inside", "outside"),
    [
        ("203.0.113.7", Whom.ADDRESS, "203.0.113.7", "203.0.113.6"),
        ("203.0.113.7/32", Whom.ADDRESS, "::ffff:203.0.113.7", "203.0.113.6"),
        ("203.0.113.64/26", Whom.NETWORK, "203.0.113.127", "203.0.113.128"),
        ("203.0.113.9/24", Whom.NETWORK, "203.0.113.1", "203.0.112.9"),
        ("2001:db8:1:2::5", Whom.ADDRESS, "2001:db8:1:2:9::1", "2001:db8:1:3::5"),
        ("2001:db8:1:2::/64", Whom.ADDRESS, "2001:db8:1:2::77", "2001:db8:1:3::77"),
        ("2001:db8:1:20::/60", Whom.NETWORK, "2001:db8:1:2f::1", "2001:db8:1:30::1"),
        ("2001:db8:1::/48", Whom.NETWORK, "2001:db8:1:ffff::1", "2001:db8:2::1"),
    ],
)
def test_a_typed_network_is_banned_to_its_edges(
    rt: Runtime, network: str, whom: Whom, inside: str, outside: str
) -> None:
    assert make(rt, network=network).ban.whom is whom
    assert send(rt, 1, address=inside).status is Status.REJECTED
    assert send(rt, 2, address=outside).status is Status.PENDING


@pytest.mark.parametrize(
    "network", ["", "10.0.0.0/8", "2001:db8::/32", "2001:db8::/65", "somewhere", "1.2.3.4/0", "::/0"]
)
def test_what_is_no_network_or_too_wide_is_refused(rt: Runtime, network: str) -> None:
    with pytest.raises(Invalid) as refused:
        make(rt, network=network)
    assert [(each.pointer, each.code) for each in refused.value.problems] == [("/network", "network")]


@pytest.mark.parametrize(
    ("over", "problems"),
    [
        ({"reason": " \n"}, [("/reason", "required")]),
        ({"reason": "x" * 151}, [("/reason", "too-long")]),
        ({"reason": "it is jo@banned.example"}, [("/reason", "reveal-reason")]),
        ({"reason": "a\u202eb"}, [("/reason", "reveal-reason")]),
        ({"reason": ""}, [("/reason", "required")]),
    ],
)
def test_a_ban_needs_a_reason_that_the_record_may_hold(
    rt: Runtime, over: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(Invalid) as refused:
        make(rt, email=EMAIL, until=rt.now() - timedelta(hours=1), **over)
    assert [(each.pointer, each.code) for each in refused.value.problems] == [*problems, ("/until", "past")]
    assert rows(rt, schema.bans) == []


def test_what_a_comment_does_not_tell_cannot_be_banned(rt: Runtime, clock: Clock) -> None:
    comment = send(rt, 1, email=None)
    with pytest.raises(Invalid) as refused:
        on_comment(rt, comment)
    assert refused.value.problems[0].code == "no-email"
    clock.advance(days=400)
    retention.tidy(rt)
    with pytest.raises((Invalid, NotFound)):
        on_comment(rt, comment, Whom.NETWORK)


def test_who_may_not_bans_nobody(rt: Runtime) -> None:
    comment = send(rt)
    with pytest.raises(Forbidden):
        make(rt, OMAR, email=EMAIL)
    with pytest.raises(Forbidden):
        make(rt, LENA, email=EMAIL)
    with pytest.raises(NotFound):
        make(rt, LENA, site=None, comment_id=comment.id)
    with pytest.raises(NotFound):
        make(rt, site="open", comment_id=comment.id)
    with pytest.raises(NotFound):
        make(rt, site="nowhere", email=EMAIL)
    ban = make(rt, email=EMAIL)
    with pytest.raises(Forbidden):
        actions.lift(rt, OMAR, ban.ban.id, "r")
    with pytest.raises(NotFound):
        actions.lift(rt, LENA, ban.ban.id, "r")
    assert len(rows(rt, schema.bans)) == 1


def test_it_ends_by_itself_and_retention_deletes_it(rt: Runtime, clock: Clock) -> None:
    make(rt, email=EMAIL, until=rt.now() + timedelta(days=1))
    assert send(rt, 1, email=EMAIL).status is Status.REJECTED
    clock.advance(days=1)
    assert send(rt, 2, email=EMAIL).status is Status.PENDING
    with rt.store.reading() as tx:
        assert bans.page(tx, None, rt.now(), None, 10) == []
    assert retention.tidy(rt)["bans"] == 1
    assert rows(rt, schema.bans) == []


def test_a_new_one_takes_the_place_of_the_former_and_each_step_is_a_row_of_the_record(rt: Runtime) -> None:
    comment = send(rt, 1, email=EMAIL)
    first = on_comment(rt, comment)
    second = on_comment(rt, comment, effect=Effect.HOLD, reason="Calmed down")
    assert [row.id for row in rows(rt, schema.bans)] == [second.ban.id]
    actions.lift(rt, ANA, second.ban.id, "r")
    with pytest.raises(NotFound):
        actions.lift(rt, ANA, second.ban.id, "r")
    assert send(rt, 2, email=EMAIL).status is Status.PENDING
    with rt.store.reading() as tx:
        written = [row for row in reversed(queries.journal_of(tx, comment.id)) if row["action"] != "received"]
    assert [(row["action"], row["before"], row["after"], row["reason"]) for row in written] == [
        ("ban", None, first.ban.id, "Sells pills"),
        ("pre-moderate", first.ban.id, second.ban.id, "Calmed down"),
        ("ban-lifted", second.ban.id, None, None),
    ]


def test_the_gravest_of_several_decides_and_no_rule_makes_it_milder(rt: Runtime) -> None:
    make(rt, network="198.51.1.0/24", effect=Effect.HOLD)
    worst = make(rt, email=EMAIL)
    comment = send(rt, 1, email=EMAIL)
    assert comment.status is Status.REJECTED
    assert (found_in(comment).data["ban"], found_in(comment).data["bans"]) == (worst.ban.id, 2)


def test_a_backtest_finds_the_ban_as_it_was_though_it_is_lifted(rt: Runtime) -> None:
    ban = make(rt, email=EMAIL)
    comment = send(rt, 1, email=EMAIL)
    actions.lift(rt, ANA, ban.ban.id, "r")
    (row,) = rows(rt, schema.comments)
    case = recall(
        row.facts, site=row.site, body=row.body, author_name=row.author_name, author_url=row.author_url,
        verified=row.verified, is_reply=False, at=row.created_at,
    )  # fmt: skip
    assert remember(case) == row.facts
    assert judge(case, rt.rules.sites["demo"]).findings == comment.findings
    old = recall(
        {name: fact for name, fact in row.facts.items() if name != "bans"}, site=row.site, body=row.body,
        author_name=row.author_name, author_url=None, verified=False, is_reply=False, at=row.created_at,
    )  # fmt: skip
    assert old.bans == ()


def test_who_is_banned_since_cannot_write_a_comment_anew_past_it(rt: Runtime) -> None:
    comment = send(rt, 1, email=EMAIL, site="open")
    make(rt, site="open", email=EMAIL)
    receipt = give(rt, comment.id)
    waiting = send(rt, 2, email="reader2@example.org", address="192.0.2.1")
    make(rt, network="192.0.2.1")
    own_comment.edit(rt, give(rt, waiting.id), 1, "Something else entirely.", "192.0.2.1", "r")
    assert stored(rt, waiting.id).status is Status.REJECTED
    assert own_comment.look(rt, receipt).status == "approved"


def test_it_holds_while_keys_are_rotated_and_after(rt: Runtime) -> None:
    make(rt, email=EMAIL)
    rotate(rt, "email-index")
    rotate(rt, "email-enc")
    assert send(rt, 1, email=EMAIL).status is Status.REJECTED
    with pytest.raises(KeysInvalid, match="rows of bans"):
        keys.retire(rt, COMMAND_LINE, "email-index")
    reencrypt(rt, "email-index")
    (ban,) = rows(rt, schema.bans)
    assert ban.key == rt.vault.index(EMAIL)
    assert rt.vault.open(ban.email_sealed, ban.id) == EMAIL
    for purpose in ("email-index", "email-enc"):
        assert keys.retire(rt, COMMAND_LINE, purpose)
    assert send(rt, 2, email=EMAIL).status is Status.REJECTED
    make(rt, email=EMAIL, reason="Again")
    assert [row.reason for row in rows(rt, schema.bans)] == ["Again"]


def test_only_the_ban_keeps_a_key_alive_where_nothing_else_does(rt: Runtime) -> None:
    make(rt, email=EMAIL)
    make(rt, network="203.0.113.0/24")
    make(rt, network="203.0.113.9")
    rotate(rt, "email-index")
    with pytest.raises(KeysInvalid, match="rows of bans"):
        keys.retire(rt, COMMAND_LINE, "email-index")
    rotate(rt, "email-enc")
    with pytest.raises(KeysInvalid, match="rows of bans"):
        keys.retire(rt, COMMAND_LINE, "email-enc")
    reencrypt(rt, "email-enc")
    assert keys.retire(rt, COMMAND_LINE, "email-index")
    assert keys.retire(rt, COMMAND_LINE, "email-enc")


def test_the_key_of_a_banned_address_is_kept_until_the_ban_is_over(rt: Runtime, clock: Clock) -> None:
    comment = send(rt, 1, address="203.0.113.9")
    ban = on_comment(rt, comment, Whom.ADDRESS)
    rotate(rt, "rate")
    assert send(rt, 2, address="203.0.113.9").status is Status.REJECTED
    clock.advance(days=30)
    with pytest.raises(KeysInvalid, match="ban on an address"):
        keys.retire(rt, COMMAND_LINE, "rate")
    actions.lift(rt, ANA, ban.ban.id, "r")
    assert keys.retire(rt, COMMAND_LINE, "rate")


def test_a_copy_for_the_author_tells_of_it_and_erasing_them_deletes_it(rt: Runtime) -> None:
    comment = send(rt, 1, email=EMAIL)
    on_comment(rt, comment)
    on_comment(rt, comment, Whom.ADDRESS)
    make(rt, email="other@banned.example")
    told = privacy.export(rt, COMMAND_LINE, EMAIL, "asked")["bans"]
    assert [(ban["whom"], ban["effect"], ban["reason"]) for ban in told] == [
        ("author", "reject", "Sells pills"),
        ("address", "reject", "Sells pills"),
    ]
    assert "Ana" not in json.dumps(told)
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    assert [row.shown for row in rows(rt, schema.bans)] == ["o•••@b•••.example"]
    privacy.erase(rt, COMMAND_LINE, "other@banned.example", "asked")
    assert rows(rt, schema.bans) == []


def test_a_reader_with_a_tag_in_the_address_is_told_of_the_ban_on_the_mailbox_and_forgotten_with_it(
    rt: Runtime,
) -> None:
    tagged = EMAIL.replace("@", "+news@")
    make(rt, email=EMAIL)
    assert privacy.look(rt, tagged) == {"demo": {"bans": 1}}
    assert len(privacy.export(rt, COMMAND_LINE, tagged, "asked")["bans"]) == 1
    assert privacy.erase(rt, COMMAND_LINE, tagged, "asked") == 0
    assert rows(rt, schema.bans) == []
    assert privacy.look(rt, tagged) == {}
    written = max(rows(rt, schema.journal), key=lambda row: row.seq)
    assert (written.action, written.after) == ("privacy-erase", "0 comments, 1 other")
    make(rt, email=EMAIL)  # as a restored copy would hold it
    comment = send(rt, 1, email=EMAIL)
    privacy.erase_again(rt, COMMAND_LINE)
    assert rows(rt, schema.bans) == []
    assert stored(rt, comment.id), "the mailbox finds the ban alone"


def test_who_proved_who_they_are_is_banned_as_that_and_only_held_for_a_typed_address(rt: Runtime, clock: Clock) -> None:
    proved = send(rt, 1, email=EMAIL, subject="jo-1")
    typed = send(rt, 2, email=EMAIL)
    ban = on_comment(rt, typed)
    assert send(rt, 3, email=EMAIL).status is Status.REJECTED
    held = send(rt, 4, email=EMAIL, subject="jo-1")
    assert held.status is Status.PENDING, "somebody else may have typed it"
    assert (found_in(held).effect, found_in(held).code) == (Effect.HOLD, "banned-perhaps")
    assert found_in(send(rt, 9, email=EMAIL, subject="jo-3")).code == "banned-perhaps", "a new one too"
    (row,) = [row for row in rows(rt, schema.comments) if row.id == held.id]
    assert row.facts["bans"] == [[ban.ban.id, "author", "reject", "Sells pills", True]]
    with rt.store.reading() as tx:
        assert bans.about(tx, rt.vault, held.id, [], rt.now()) == [ban]
    actions.lift(rt, ANA, ban.ban.id, "r")
    ban = on_comment(rt, proved)
    assert EMAIL[:1] + "•" not in ban.shown
    rotate(rt, "email-index")
    reencrypt(rt, "email-index")
    assert send(rt, 5, email=None, subject="jo-1").status is Status.REJECTED
    assert send(rt, 6, email=EMAIL).status is Status.PENDING
    assert send(rt, 7, email=EMAIL, subject="jo-2").status is Status.PENDING
    with rt.store.writing() as tx:
        tx.execute(sa.delete(schema.comments).where(schema.comments.c.author_id.is_not(None)))
    clock.advance(days=2000)
    retention.tidy(rt)
    assert send(rt, 8, subject="jo-1").status is Status.REJECTED, "a ban outlasts the comments"
    privacy.erase(rt, COMMAND_LINE, "reader8@example.org", "asked")
    assert rows(rt, schema.bans) == []


def test_a_ban_on_a_login_can_reach_what_is_sent_without_it(rt: Runtime) -> None:
    address = "203.0.113.7"
    proved = send(rt, 1, email=EMAIL, subject="jo-1", address=address)
    on_comment(rt, proved)
    assert send(rt, 2, email=EMAIL, address="203.0.113.8").status is Status.PENDING, "the login alone"
    ban = on_comment(rt, proved, also=(Whom.EMAIL, Whom.ADDRESS, Whom.EMAIL))
    assert (ban.ban.whom, ban.shown) == (Whom.AUTHOR, "")
    kept = {row.shown: row.whom for row in rows(rt, schema.bans)}
    assert kept == {"": "author", "j•••@b•••.example": "author", "203.0.113.0/24": "address"}
    assert send(rt, 3, email=EMAIL).status is Status.REJECTED, "their address without the login"
    assert send(rt, 4, email="jo+2@banned.example").status is Status.REJECTED
    assert send(rt, 5, email=None, address=address).status is Status.REJECTED, "from their connection"
    assert send(rt, 6, subject="jo-1", email=None).status is Status.REJECTED
    assert send(rt, 7, subject="kim-2", email=EMAIL).status is Status.PENDING, "another login, which may have typed it"
    assert send(rt, 8, email="x@y.example", address="203.0.113.8").status is Status.PENDING
    with rt.store.reading() as tx:
        found = bans.about(tx, rt.vault, proved.id, [], rt.now())
        told = [row["after"] for row in queries.journal_of(tx, proved.id) if row["action"] == "ban"]
    assert len(found) == 3, "each is lifted by itself"
    assert {each.ban.id for each in found} <= set(told)
    privacy.erase(rt, COMMAND_LINE, EMAIL, "asked")
    assert rows(rt, schema.bans) == []


def test_one_part_that_cannot_be_banned_bans_nothing(rt: Runtime) -> None:
    with pytest.raises(Invalid) as refused:
        on_comment(rt, send(rt, 1, email=None, subject="jo-1"), also=(Whom.EMAIL,))
    assert refused.value.problems[0].code == "no-email"
    assert rows(rt, schema.bans) == []


def test_what_is_kept_shows_no_address(rt: Runtime) -> None:
    on_comment(rt, send(rt, 1, email=EMAIL, address="203.0.113.9"), Whom.ADDRESS)
    make(rt, email=EMAIL)
    with rt.store.reading() as tx:
        kept = str(tx.execute(sa.select(schema.bans)).all()) + str(bans.page(tx, None, rt.now(), None, 10))
    assert EMAIL not in kept
    assert "203.0.113.9" not in kept
    assert EMAIL not in repr(Wish(Effect.REJECT, "x", None, email=EMAIL))


def test_the_bans_about_a_comment_are_those_on_its_sender(rt: Runtime) -> None:
    comment = send(rt, 1, email=EMAIL, address="203.0.113.9")
    wanted = [make(rt, network="203.0.113.0/24"), make(rt, email=EMAIL), on_comment(rt, comment, Whom.ADDRESS)]
    make(rt, email="x@y.example")
    make(rt, site="open", email=EMAIL)
    with rt.store.reading() as tx:
        assert bans.about(tx, rt.vault, comment.id, [], rt.now()) == wanted
    tagged = send(rt, 2, email=EMAIL.replace("@", "+news@"))
    with rt.store.reading() as tx:
        assert bans.about(tx, rt.vault, tagged.id, [], rt.now()) == [wanted[1]]


def test_where_nobody_is_banned_nothing_is_asked_and_else_once_for_a_batch(rt: Runtime) -> None:
    asked: list[str] = []
    sa.event.listen(rt.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def lookups() -> int:
        return sum("SELECT bans.id, bans.site" in statement for statement in asked)

    send(rt, 1)  # makes the article known
    asked.clear()
    send(rt, 2)
    assert lookups() == 0
    make(rt, email=EMAIL)
    works = [prepare(rt, rt.rules, submission(number)) for number in range(3, 20)]
    asked.clear()
    gather(rt, works)
    assert lookups() == 1
