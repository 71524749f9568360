"""Every check of the judge but the word list's: what it objects to, at which number, and what it keeps as evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.judge.cases import case, reading, site

from moderation.judge import checks
from moderation.judge.pipeline import judge
from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules, is_disposable
from moderation.values import AuthorRecord, Decision, Effect, Finding, Limited, Span
from moderation.web import sentences

Check = Callable[[Reading, SiteRules], Finding]


def found(check: Check, settings: str = "", **facts: Any) -> tuple[Effect, str]:
    finding = check(reading(**facts), site(settings))
    return finding.effect, finding.code


PASSED = (Effect.PASS, "passed")


@pytest.mark.parametrize(
    ("facts", "settings", "why"),
    [({}, "closed = true", "site"), ({"article_closed": "hand"}, "", "hand"), ({"article_closed": "age"}, "", "age")],
)
def test_a_closed_article_is_rejected_and_says_why(facts: dict[str, Any], settings: str, why: str) -> None:
    finding = checks.article(reading(**facts), site(settings))
    assert (finding.effect, finding.code, finding.data["why"]) == (Effect.REJECT, "article-closed", why)
    assert found(checks.article) == PASSED


@pytest.mark.parametrize(("length", "fits"), [(4, False), (5, True), (9, True), (10, False)])
def test_the_length_counts_code_points_and_its_ends_fit(length: int, fits: bool) -> None:
    settings = "[sites.news.lengths]\nbody_min = 5\nbody_max = 9"
    finding = checks.length(reading(body="😀" * length), site(settings))
    assert finding.effect is (Effect.PASS if fits else Effect.REJECT)
    assert finding.data == {"length": length, "least": 5, "most": 9}


def test_doubt_about_the_limits_holds() -> None:
    assert found(checks.limits) == PASSED
    assert found(checks.limits, limited=Limited(available=False)) == (Effect.HOLD, "limits-unavailable")
    assert found(checks.limits, limited=Limited(email_exceeded=True)) == (Effect.HOLD, "email-limit")
    assert found(checks.limits, limited=Limited(email_exceeded=True, fuse_blown=True)) == (Effect.HOLD, "site-fuse")


def test_contact_data_is_marked_where_it_stands() -> None:
    body = "Write to ana@example.org or call +49 30 901820."
    finding = checks.contacts(reading(body=body), site())
    assert (finding.effect, finding.code, finding.data["count"]) == (Effect.TAG, "contacts", 2)
    assert [body[span.start : span.end] for span in finding.spans] == ["ana@example.org", "+49 30 901820"]
    assert found(checks.contacts, "[sites.news.contacts]\nfound = 'hold'", body=body) == (Effect.HOLD, "contacts")
    assert found(checks.contacts) == PASSED


LINK = "https://a{}.example/page "


@pytest.mark.parametrize(("count", "code"), [(0, "passed"), (2, "passed"), (3, "many-links")])
def test_more_links_than_allowed_are_held(count: int, code: str) -> None:
    body = "".join(LINK.format(number) for number in range(count)) or "none"
    finding = checks.links(reading(body=body), site())
    assert (finding.code, finding.data["count"]) == (code, count)
    assert len(finding.spans) == (count if code == "many-links" else 0)


LISTS = "[sites.news.links]\ndeny = ['casino.example']\nallow = ['friend.example']\nmost = 0"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("see https://casino.example", (Effect.SPAM, "denied-domain")),
        ("see https://www.casino.example/x", (Effect.SPAM, "denied-domain")),
        ("see https://notcasino.example", (Effect.HOLD, "many-links")),
        ("see https://friend.example and https://blog.friend.example", PASSED),
        ("see https://bit.ly/abc", (Effect.HOLD, "shortener")),
    ],
)
def test_domains_are_denied_allowed_and_shortened_with_their_sub_domains(
    body: str, expected: tuple[Effect, str]
) -> None:
    assert found(checks.links, LISTS, body=body) == expected


def test_a_denied_domain_is_worse_than_many_links_and_the_numbers_tell_of_both() -> None:
    body = "https://casino.example https://b.example https://c.example https://bit.ly/x"
    finding = checks.links(reading(body=body), site(LISTS.replace("most = 0", "most = 1")))
    assert finding.code == "denied-domain"
    assert (finding.data["count"], finding.data["denied"], finding.data["shorteners"]) == (4, 1, 1)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("THIS IS AN OUTRAGE, I TELL YOU", "shouting"),
        ("NATO AND THE EU", "passed"),  # twelve letters do not shout
        ("This is an outrage, I tell you, in NATO and in the EU", "passed"),
        ("ЭТО ПРОСТО ВОЗМУТИТЕЛЬНО, ТОВАРИЩИ", "shouting"),
        ("这是一个非常非常非常长的句子没有大小写的分别", "passed"),
    ],
)
def test_capitals_shout_from_a_share_and_a_length_on(body: str, code: str) -> None:
    assert checks.shouting(reading(body=body), site()).code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("no" + "o" * 11, "passed"),
        ("no" + "o" * 12, "long-run"),
        ("-" * 40, "long-run"),
        (" " * 40 + "x", "passed"),
        ("buy now " * 6, "repeated-words"),
        ("buy now " * 4, "passed"),  # eight words are too few to judge
    ],
)
def test_repetition_is_a_long_run_or_the_same_words(body: str, code: str) -> None:
    finding = checks.repetition(reading(body=body), site())
    assert finding.code == code
    if code == "long-run":
        (span,) = finding.spans
        assert len(set(body[span.start : span.end])) == 1


@pytest.mark.parametrize(("seen", "code"), [(0, "passed"), (2, "passed"), (3, "seen-before")])
def test_a_text_seen_often_is_held(seen: int, code: str) -> None:
    assert checks.near_duplicate(reading(limited=Limited(seen=seen)), site()).code == code


@pytest.mark.parametrize(
    ("domain", "known"),
    [
        ("mailinator.com", True),
        ("box.mailinator.com", True),
        ("mailinator.com.example", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_throw_away_addresses_are_known_by_their_domain(domain: str, known: bool) -> None:
    assert is_disposable(domain) is known


def test_a_throw_away_address_is_held() -> None:
    assert found(checks.disposable_email, disposable_email=True) == (Effect.HOLD, "disposable-email")
    assert found(checks.disposable_email) == PASSED


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (AuthorRecord(), "passed"),
        (AuthorRecord(rejected=2), "passed"),
        (AuthorRecord(rejected=3), "refused-before"),
        (AuthorRecord(rejected=1, spam=2), "refused-before"),
        (AuthorRecord(approved=3, rejected=3), "passed"),
        (AuthorRecord(approved=2, rejected=3), "refused-before"),
    ],
)
def test_an_author_is_held_who_was_refused_more_than_approved(record: AuthorRecord, code: str) -> None:
    assert checks.record(reading(record=record), site()).code == code


@pytest.mark.parametrize(
    ("mode", "facts", "expected"),
    [
        ("pre", {"verified": True, "record": AuthorRecord(approved=99)}, (Effect.PASS, "pre-moderation")),
        ("post", {}, (Effect.APPROVE, "post-moderation")),
        ("first", {"verified": True, "record": AuthorRecord(approved=3)}, (Effect.APPROVE, "approved-before")),
        ("first", {"verified": True, "record": AuthorRecord(approved=2)}, (Effect.PASS, "first-comments")),
        ("first", {"verified": False, "record": AuthorRecord(approved=99)}, (Effect.PASS, "first-comments")),
    ],
)
def test_only_a_verified_author_gets_past_the_first_comments(
    mode: str, facts: dict[str, Any], expected: tuple[Effect, str]
) -> None:
    finding = checks.mode(reading(**facts), site(mode=mode))
    assert (finding.effect, finding.code) == expected


@pytest.mark.parametrize("setting", ["tag", "hold", "spam", "reject"])
@pytest.mark.parametrize(
    ("check", "table", "key", "facts"),
    [
        (checks.contacts, "contacts", "found", {"body": "ana@example.org"}),
        (checks.links, "links", "over", {"body": "".join(LINK.format(number) for number in range(3))}),
        (checks.links, "links", "shorteners", {"body": "https://bit.ly/x"}),
        (checks.disguised_links, "links", "disguised", {"body": "[a.example.org](https://b.example.net)"}),
        (checks.shouting, "style", "shouting", {"body": "THIS IS AN OUTRAGE, I TELL YOU"}),
        (checks.repetition, "style", "repetition", {"body": "!" * 50}),
        (checks.near_duplicate, "duplicates", "near", {"limited": Limited(seen=9)}),
        (checks.disposable_email, "author", "disposable_email", {"disposable_email": True}),
        (checks.record, "author", "refused", {"record": AuthorRecord(spam=9)}),
        (checks.words_in_body, "words", "strong", {"body": "What a load of bullshit."}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_finding_leads_to_is_the_sites_to_say(
    check: Check, table: str, key: str, facts: dict[str, Any], setting: str
) -> None:
    assert found(check, f"[sites.news.{table}]\n{key} = '{setting}'", **facts)[0] is Effect(setting)


def test_a_link_that_shows_another_site_than_it_leads_to_holds_and_is_marked_where_it_stands() -> None:
    body = "Log in at [bank.example.org](https://evil.example.net/a) today"
    finding = checks.disguised_links(reading(body=body), site())
    assert finding.effect is Effect.HOLD
    assert sentences.finding(finding) == "A link shows bank.example.org, but leads to evil.example.net"
    (span,) = finding.spans
    assert body[span.start : span.end] == "[bank.example.org](https://evil.example.net/a"
    assert judge(case(body=body), site(mode="post")).decision is Decision.HOLD
    allowed = "[sites.news.links]\nallow = ['example.net']"
    assert checks.disguised_links(reading(body=body), site(allowed)).effect is Effect.PASS
    plain = "Log in at [bank.example.org](https://www.bank.example.org/a)"
    assert checks.disguised_links(reading(body=plain), site()).effect is Effect.PASS


def test_a_finding_keeps_fifty_spans_and_counts_all() -> None:
    body = " ".join(f"a{number}@example.org" for number in range(60))
    finding = checks.links(reading(body=" ".join(LINK.format(number) for number in range(60))), site())
    assert (len(finding.spans), finding.data["count"]) == (checks.MOST_SPANS, 60)
    assert checks.contacts(reading(body=body), site()).data["count"] == 60


def test_spans_lie_in_the_text_they_are_of() -> None:
    body = "💥 bullshit at https://bit.ly/x, write ana@example.org !!!!!!!!!!!!!!!"
    for check in (checks.contacts, checks.words_in_body, checks.links, checks.repetition):
        spans = check(reading(body=body), site()).spans
        assert spans
        assert all(0 <= span.start < span.end <= len(body) for span in spans)
    assert checks.words_in_body(reading(body=body), site()).spans[0] == Span(2, 10, "strong profanity")
