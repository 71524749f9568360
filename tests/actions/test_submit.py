"""A submission on its way through a real store (SQLite, PostgreSQL) and a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from tests.conftest import Clock

from moderation import forms
from moderation.actions import articles, retention
from moderation.actions.intake import record
from moderation.actions.intake.work import Work
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.edges.schema import author_records, comments, counters, idempotency_keys, journal, outbox
from moderation.errors import Closed, Duplicate, KeyReused, NotFound, ParentNotPublic, StoreError, TooFast, Unavailable
from moderation.judge import pipeline
from moderation.runtime import Runtime
from moderation.values import ArticleRef, Decision, Finding, Status, Submission


def submission(number: int = 1, **over: object) -> Submission:
    base = Submission(
        site="demo",
        article=ArticleRef("first"),
        parent=None,
        author_name="Ana",
        author_url=None,
        email=f"reader{number}@example.org",
        body=f"A thought, number {number}.",
        address="203.0.113.7",
        request_id="r",
    )
    return replace(base, **over)  # type: ignore[arg-type]


def rows(rt: Runtime, table: sa.Table) -> list[sa.Row[tuple[object, ...]]]:
    with rt.store.reading() as connection:
        return list(connection.execute(sa.select(table)))


def test_a_receipt_means_comment_journal_and_letter_are_stored(rt: Runtime) -> None:
    receipt = Intake(rt).submit(submission())
    (comment,) = rows(rt, comments)
    assert (comment.id, comment.status, comment.version) == (receipt.comment_id, "pending", 1)
    assert comment.body == "A thought, number 1."
    assert comment.html == '<p dir="auto">A thought, number 1.</p>\n'
    assert len(comment.findings) == len(pipeline.CHECKS)
    assert comment.revision == rt.rules.revision
    (entry,) = rows(rt, journal)
    assert (entry.action, entry.target, entry.after, entry.actor) == ("received", comment.id, "pending", "rules")
    (letter,) = rows(rt, outbox)
    assert letter.payload == {"id": comment.id, "site": "demo", "status": "pending", "version": 1}


def test_the_seconds_since_the_form_was_given_are_a_fact_of_the_comment(rt: Runtime, clock: Clock) -> None:
    intake = Intake(rt)
    given = [forms.give(rt, "demo", "first") for _ in range(2)]
    intake.submit(submission(1, form_token=given[0]))
    clock.advance(minutes=1)
    intake.submit(submission(2, form_token=given[1]))
    intake.submit(submission(3))
    assert [row.facts["seconds_to_submit"] for row in rows(rt, comments)] == [1, 61, None]


def test_a_form_that_is_sent_twice_is_stored_once(rt: Runtime, clock: Clock) -> None:
    intake, given = Intake(rt), forms.give(rt, "demo", "first")
    clock.advance(minutes=1)
    first = intake.submit(submission(form_token=given))
    clock.advance(hours=1)  # far beyond the time in which the same text would be a duplicate
    assert intake.submit(submission(form_token=given)).comment_id == first.comment_id
    assert len(rows(rt, comments)) == 1


def test_another_comment_from_the_same_form_is_held_and_not_refused(rt: Runtime, clock: Clock) -> None:
    """People go back in their browser and write something else."""
    intake, given = Intake(rt), forms.give(rt, "open", "first")
    clock.advance(minutes=1)
    assert intake.submit(submission(1, site="open", form_token=given)).published
    assert not intake.submit(submission(2, site="open", form_token=given)).published
    assert [codes(row)["form.token"] for row in rows(rt, comments)] == ["passed", "form-used"]


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"article": ArticleRef("second")}, "form-forged"),
        ({"site": "demo"}, "form-forged"),
        ({"form_token": "19ab.cd.1.xx"}, "form-forged"),
        ({"form_token": "\u0000é" * 500}, "form-forged"),
        ({"form_token": None}, "form-missing"),
        ({}, "passed"),
    ],
)
def test_a_form_counts_for_its_own_site_and_article(rt: Runtime, clock: Clock, over: Any, code: str) -> None:
    given = forms.give(rt, "open", "first")
    clock.advance(minutes=1)
    receipt = Intake(rt).submit(submission(**({"site": "open", "form_token": given} | over)))
    (row,) = rows(rt, comments)
    assert codes(row)["form.token"] == code
    assert receipt.published == (code in ("passed", "form-missing"))


def codes(row: Any) -> dict[str, str]:
    return {found["rule"]: found["code"] for found in row.findings}


def test_the_address_is_sealed_and_found_again_only_by_its_index(rt: Runtime) -> None:
    Intake(rt).submit(submission())
    (comment,) = rows(rt, comments)
    assert rt.vault.open(comment.email_sealed, comment.id) == "reader1@example.org"
    assert comment.email_index == rt.vault.index("reader1@example.org")
    assert comment.email_masked == "r•••@e•••.org"
    assert "reader1" not in repr([tuple(row) for row in rows(rt, comments)])


def test_another_spelling_of_the_address_is_the_same_author(rt: Runtime) -> None:
    Intake(rt).submit(submission(email="Reader1@example.org"))
    assert [row.email_index for row in rows(rt, comments)] == [rt.vault.index("reader1@example.org")]


def test_a_tag_in_the_address_earns_no_limit_of_its_own(make_runtime: Callable[..., Runtime]) -> None:
    rt = make_runtime('[sites.demo.limits]\npair = ["2/hour"]\naddress = ["100/minute"]\nburst = 50\n')
    intake = Intake(rt)
    for tag in "ab":
        intake.submit(submission(email=f"ana+{tag}@example.org", body=f"Words {tag}."))
    with pytest.raises(TooFast) as refused:
        intake.submit(submission(email="Ana+c@example.org", body="More words."))
    assert refused.value.policies == (), "the limit of an address by mail is not told"


def test_counts_and_the_authors_record_are_kept(rt: Runtime) -> None:
    intake = Intake(rt)
    for number in (1, 1, 2):
        intake.submit(submission(number, body=f"Words {number} {rt.new_id()}"))
    with rt.store.reading() as connection:
        assert queries.tab_counts(connection, ["demo"])[Status.PENDING] == 3
        index = rt.vault.index("reader1@example.org")
        assert queries.records(connection, "demo", [index])[index].pending == 2
    assert len(rows(rt, author_records)) == 2


def test_the_same_words_again_are_a_duplicate_until_the_window_ends(rt: Runtime, clock: Clock) -> None:
    intake = Intake(rt)
    intake.submit(submission())
    with pytest.raises(Duplicate):
        intake.submit(submission(body="  a  THOUGHT, number 1."))
    intake.submit(submission(article=ArticleRef("second")))
    intake.submit(submission(author_name="Ben"))
    clock.advance(minutes=11)
    intake.submit(submission())
    assert len(rows(rt, comments)) == 4


@pytest.mark.parametrize("address", ["203.0.113.7", "198.51.100.9"])
def test_the_same_words_again_tell_nobody_whose_address_they_guessed(rt: Runtime, address: str) -> None:
    """What is answered to a stranger is the same, whatever address they type."""

    def answer(number: int, email: str | None) -> bool:
        sent = submission(1, article=ArticleRef(f"a{number}"), address=address, email=email)
        try:
            return Intake(rt).submit(sent).published
        except Duplicate:
            return True

    guesses = ["reader1@example.org", "READER1@example.org", "another@example.org", None]
    for number, _ in enumerate(guesses):
        Intake(rt).submit(submission(1, article=ArticleRef(f"a{number}")))
    answers = [answer(number, email) for number, email in enumerate(guesses)]
    assert answers == [address == "203.0.113.7"] * len(guesses)


def test_who_proved_who_they_are_is_known_again_at_another_address(rt: Runtime) -> None:
    Intake(rt).submit(submission(subject="u1"))
    with pytest.raises(Duplicate):
        Intake(rt).submit(submission(subject="u1", author_name="Another", address="198.51.100.9"))


def test_of_many_equal_ones_at_once_one_is_stored(rt: Runtime) -> None:
    intake = Intake(rt)

    def send(_: int) -> bool:
        try:
            intake.submit(submission())
        except Duplicate:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(send, range(50))) == 1
    assert len(rows(rt, comments)) == 1


def test_a_burst_is_stored_whole(rt: Runtime) -> None:
    intake = Intake(rt)
    with ThreadPoolExecutor(32) as pool:
        receipts = list(pool.map(lambda number: intake.submit(submission(number)), range(200)))
    assert {row.id for row in rows(rt, comments)} == {receipt.comment_id for receipt in receipts}
    assert sum(row._mapping["count"] for row in rows(rt, counters)) == 200


def test_one_bad_row_does_not_take_the_others_down(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that the database refuses is that one's own 503; whoever was in the same batch is stored."""
    intake = Intake(rt)
    real = record._new

    def new(work: Work) -> object:
        made = real(work)
        return replace(made, site=None) if work.submission.body == "bad" else made  # type: ignore[arg-type]

    monkeypatch.setattr(record, "_new", new)

    def send(number: int) -> bool:
        try:
            intake.submit(submission(number, body="bad" if number == 7 else f"good {number}"))
        except Unavailable:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        done = list(pool.map(send, range(16)))
    assert [number for number, stored in enumerate(done) if not stored] == [7]
    assert len(rows(rt, comments)) == 15


def test_a_check_that_fails_holds_even_where_comments_are_published_at_once(
    rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Finding:
        raise ZeroDivisionError("a secret text")

    monkeypatch.setattr(pipeline, "CHECKS", (*pipeline.CHECKS, broken))
    receipt = Intake(rt).submit(submission(site="open"))
    assert not receipt.published
    (comment,) = rows(rt, comments)
    assert {"check": "broken", "error": "ZeroDivisionError"} in [found["data"] for found in comment.findings]
    assert "secret text" not in str(comment.findings)


def test_on_a_post_moderated_site_a_good_comment_is_public_at_once(rt: Runtime) -> None:
    receipt = Intake(rt).submit(submission(site="open", email=None))
    assert receipt.published
    with rt.store.reading() as connection:
        assert queries.approved_counts(connection, "open", ["first"]) == {"first": 1}


def test_a_strong_word_is_held_there_all_the_same(rt: Runtime) -> None:
    assert not Intake(rt).submit(submission(site="open", body="what the fuck")).published


def test_a_severe_word_goes_to_the_rejected_and_the_receipt_says_the_same(rt: Runtime) -> None:
    receipt = Intake(rt).submit(submission(body="you are a nigger"))
    assert not receipt.published
    assert [row.status for row in rows(rt, comments)] == ["rejected"]


def test_contact_data_is_masked_for_the_public_and_kept_for_moderators(rt: Runtime) -> None:
    Intake(rt).submit(submission(body="Write to joe at example dot com or call +49 30 1234567."))
    (comment,) = rows(rt, comments)
    assert "joe" not in comment.html
    assert "1234567" not in comment.html
    assert comment.body.startswith("Write to joe")
    assert [label for _, _, label in comment.masks] == ["email", "phone"]


def test_a_closed_article_takes_nothing(rt: Runtime) -> None:
    articles.change(rt, COMMAND_LINE, "demo", "first", closed=True, title=None, url=None, request_id="r")
    with pytest.raises(Closed):
        Intake(rt).submit(submission())
    with pytest.raises(Closed):
        Intake(rt).submit(submission(site="shut"))
    assert rows(rt, comments) == []


def test_an_article_closes_by_age(make_runtime: Callable[..., Runtime], clock: Clock) -> None:
    rt = make_runtime("[defaults]\nclose_after_days = 7\n[sites.demo]\n")
    intake = Intake(rt)
    intake.submit(submission())
    clock.advance(days=8)
    with pytest.raises(Closed):
        intake.submit(submission(2))


def test_only_listed_articles_where_the_site_says_so(rt: Runtime) -> None:
    intake = Intake(rt)
    with pytest.raises(NotFound):
        intake.submit(submission(site="listed"))
    articles.change(rt, COMMAND_LINE, "listed", "first", closed=None, title="Told", url=None, request_id="r")
    intake.submit(submission(site="listed"))


def test_only_a_public_comment_of_the_same_article_can_be_answered(rt: Runtime) -> None:
    intake = Intake(rt)
    held = intake.submit(submission())
    shown = intake.submit(submission(site="open"))
    for parent in (held.comment_id, shown.comment_id, "0" * 16):
        with pytest.raises(ParentNotPublic):
            intake.submit(submission(2, parent=parent))
    with pytest.raises(ParentNotPublic):
        intake.submit(submission(2, site="open", article=ArticleRef("second"), parent=shown.comment_id))
    answer = intake.submit(submission(2, site="open", parent=shown.comment_id))
    row = next(row for row in rows(rt, comments) if row.id == answer.comment_id)
    assert (row.parent_id, row.root_id, row.depth) == (shown.comment_id, shown.comment_id, 1)


def test_the_sixth_at_once_is_refused_and_does_not_reach_the_store(rt: Runtime) -> None:
    intake = Intake(rt)
    for number in range(5):
        intake.submit(submission(number, site="strict"))
    with pytest.raises(TooFast) as refused:
        intake.submit(submission(6, site="strict"))
    assert 0 < refused.value.retry_after <= 60
    assert refused.value.policies == ("address",)
    assert len(rows(rt, comments)) == 5


def test_over_the_limit_of_an_address_by_mail_the_comment_is_held_in_silence(
    make_runtime: Callable[..., Runtime],
) -> None:
    rt = make_runtime(
        '[sites.demo]\nmode = "post"\n[sites.demo.limits]\nemail = ["1/hour"]\n'
        'pair = ["100/minute"]\naddress = ["100/minute"]\nburst = 50\n'
    )
    intake = Intake(rt)
    assert intake.submit(submission(address="192.0.2.1")).published
    second = intake.submit(submission(address="198.51.100.1", body="Something else."))
    assert not second.published
    assert "email" not in str(second.headers)
    held = next(row for row in rows(rt, comments) if row.status == "pending")
    assert "email-limit" in [found["code"] for found in held.findings]


def test_without_redis_comments_are_held_and_told_so(rt: Runtime) -> None:
    rt.limits.close()
    rt.limits = type(rt.limits)("redis://127.0.0.1:1", workers=1)
    receipt = Intake(rt).submit(submission(site="open"))
    assert not receipt.published
    (comment,) = rows(rt, comments)
    assert "limits-unavailable" in [found["code"] for found in comment.findings]


def test_when_the_store_is_away_nothing_is_half_done_and_it_heals(rt: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Intake(rt)

    def refuse() -> object:
        raise StoreError("OperationalError", is_outage=True)

    with monkeypatch.context() as patch:
        patch.setattr(rt.store, "writing", refuse)
        with pytest.raises(Unavailable):
            intake.submit(submission())
    assert rows(rt, comments) == []
    intake.submit(submission())
    assert [row.verdict for row in rows(rt, comments)] == [Decision.HOLD.value]


def test_near_copies_are_told_across_authors_and_articles(rt: Runtime) -> None:
    pitch = "A friend told me of this man who trades for you and now I earn four thousand a week, write to him"
    intake = Intake(rt)
    for number, word in enumerate(("four", "five", "six"), start=1):
        intake.submit(
            submission(
                number,
                body=pitch.replace("four", word),
                article=ArticleRef(f"a{number}"),
                address=f"203.0.113.{number}",
            )
        )
    told = [
        finding for row in rows(rt, comments) for finding in row.findings if finding["rule"] == "duplicates.similar"
    ]
    assert sorted(each.get("data", {}).get("near", 0) for each in told) == [0, 1, 2]


# --- Idempotency-Key


def test_the_same_key_gets_the_same_answer_and_stores_once(rt: Runtime, clock: Clock) -> None:
    first = Intake(rt).submit(submission(idempotency_key="k1"))
    clock.advance(hours=1)  # long after the same text would have been taken again
    again = Intake(rt).submit(submission(idempotency_key="k1", address="198.51.100.9", request_id="r2"))
    assert (again.comment_id, again.published) == (first.comment_id, first.published)
    assert len(rows(rt, comments)) == 1
    other_site = Intake(rt).submit(submission(idempotency_key="k1", site="open"))
    assert other_site.comment_id != first.comment_id


def test_a_repeat_gets_its_answer_though_the_limits_are_used_up(
    make_runtime: Callable[..., Runtime],
) -> None:
    rt = make_runtime('[sites.demo.limits]\naddress = ["1/hour"]\n')
    first = Intake(rt).submit(submission(idempotency_key="k1"))
    with pytest.raises(TooFast):
        Intake(rt).submit(submission(2))
    assert Intake(rt).submit(submission(idempotency_key="k1")).comment_id == first.comment_id


def test_a_key_with_another_comment_is_refused(rt: Runtime) -> None:
    Intake(rt).submit(submission(idempotency_key="k1"))
    others: list[dict[str, object]] = [{"body": "Another text."}, {"email": "o@example.org"}, {"author_name": "Bo"}]
    for over in others:
        with pytest.raises(KeyReused):
            Intake(rt).submit(submission(1, idempotency_key="k1", **over))
    assert len(rows(rt, comments)) == 1


def test_a_key_counts_for_a_day(rt: Runtime, clock: Clock) -> None:
    first = Intake(rt).submit(submission(idempotency_key="k1"))
    clock.advance(hours=25)
    assert retention.tidy(rt)["idempotency-keys"] == 1
    assert Intake(rt).submit(submission(idempotency_key="k1")).comment_id != first.comment_id


def test_a_key_counts_as_long_as_the_rules_say(make_runtime: Callable[..., Runtime], clock: Clock) -> None:
    rt = make_runtime('[sites.demo]\nname = "Demo"\n[retention]\nidempotency_hours = 36\n')
    first = Intake(rt).submit(submission(idempotency_key="k1"))
    clock.advance(hours=35)
    assert "idempotency-keys" not in retention.tidy(rt)
    assert Intake(rt).submit(submission(idempotency_key="k1")).comment_id == first.comment_id
    clock.advance(hours=2)
    assert retention.tidy(rt)["idempotency-keys"] == 1
    assert Intake(rt).submit(submission(idempotency_key="k1")).comment_id != first.comment_id


def test_a_key_whose_comment_was_not_stored_can_be_used_again(rt: Runtime) -> None:
    Intake(rt).submit(submission())
    with pytest.raises(Duplicate):
        Intake(rt).submit(submission(idempotency_key="k1"))
    Intake(rt).submit(submission(body="Something else.", idempotency_key="k1"))
    assert len(rows(rt, idempotency_keys)) == 1


def test_of_many_sendings_at_once_under_one_key_one_is_stored_and_all_get_its_answer(rt: Runtime) -> None:
    intakes = [Intake(rt), Intake(rt)]  # as two processes would have them

    def send(number: int) -> str:
        return intakes[number % 2].submit(submission(number // 5, idempotency_key=f"k{number // 5}")).comment_id

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(100)))
    assert len(set(answers)) == 20 == len(rows(rt, comments))
    assert all(len(set(answers[at : at + 5])) == 1 for at in range(0, 100, 5))
