"""Examples guard the rules: what comes out otherwise than it says is named, and the shipped file's all come out."""

from __future__ import annotations

import pytest

from moderation.edges import rules_file
from moderation.errors import RulesInvalid, RulesProblem
from moderation.rules_loading import load_text, refuse_failures

RULES = """
[sites.news]
mode = "post"
timezone = "Europe/Berlin"

[sites.blog]
mode = "pre"

[[rules]]
id = "newcomer"
when = 'author.approved == 0 && size(comment.links) >= 2'
then = "hold"

[[rules]]
id = "night"
when = 'time.hour < 6'
then = "tag"

[[rules]]
id = "busy"
when = 'article.comments > 100 && article.id == "hot" && request.reply && "sport" in article.tags'
then = "reject"
"""
LINKS = 'text = "See https://a.example.org and https://b.example.org now."\n'


def outcomes(*examples: str) -> list[str]:
    """What is wrong with each example that fails."""
    text = RULES + "".join(f"[[examples]]\n{example}\n" for example in examples)
    loaded = load_text(text, "moderation.toml")
    if not loaded.failures:
        return []
    with pytest.raises(RulesInvalid) as refused:
        refuse_failures(loaded, "moderation.toml")
    return [problem.allowed for problem in refused.value.problems]


@pytest.mark.parametrize(
    "example",
    [
        LINKS + "then = 'hold'\nfires = ['newcomer']\nsilent = ['night', 'links']",
        LINKS + "then = 'approve'\nsilent = ['newcomer']\nauthor = { approved = 3 }",
        LINKS + "then = 'clean'\nauthor = { approved = 3 }\nsite = 'blog'",
        "text = 'Good night.'\nat = 2026-11-25T05:59:00\nfires = ['night']\nthen = 'approve'",
        "text = 'Good morning.'\nat = 2026-11-25T05:00:00Z\nsilent = ['night']",
        "text = 'Well.'\nthen = 'reject'\nfires = ['busy']\nrequest = { reply = true }\n"
        "article = { id = 'hot', comments = 101, tags = ['sport'] }",
        "text = 'Well.'\nthen = 'reject'\nfires = ['article.closed']\narticle = { closed = true }",
        "text = 'Well.'\nfires = ['author.disposable-email', 'duplicates.near']\nrequest = { seen = 9 }\n"
        "author = { disposable_email = true }",
    ],
)
def test_an_example_that_comes_out_as_it_says_is_silent(example: str) -> None:
    assert outcomes(example) == []


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (LINKS + "then = 'approve'", "it says approve, and hold came of it (against it: newcomer)"),
        (LINKS + "then = 'clean'", "it says clean, and hold came of it (against it: newcomer)"),
        (LINKS + "silent = ['newcomer']", "newcomer found something (against it: newcomer)"),
        (LINKS + "fires = ['night', 'links']", "night found nothing; links found nothing (against it: newcomer)"),
        ("text = 'Well.'\nthen = 'reject'", "it says reject, and approve came of it"),
    ],
)
def test_one_that_comes_out_otherwise_says_how(example: str, told: str) -> None:
    assert outcomes("text = 'Fine.'\nthen = 'clean'", example) == [told]


def test_the_place_is_the_examples_and_the_text_is_not_repeated() -> None:
    text = RULES + "[[examples]]\ntext = 'Write to ana@example.org'\nthen = 'spam'\n"
    with pytest.raises(RulesInvalid) as refused:
        refuse_failures(load_text(text, "moderation.toml"), "moderation.toml")
    assert "ana@example.org" not in str(refused.value)
    (problem,) = refused.value.problems
    assert text.split("\n")[problem.line - 1] == "[[examples]]"


def test_names_of_nothing_are_mistakes() -> None:
    text = RULES + "[[examples]]\ntext = 'x'\nfires = ['newcommer']\nsilent = ['words.bdy']\nsite = 'newz'\n"
    with pytest.raises(RulesInvalid) as refused:
        rules_file.check_text(text, "moderation.toml")
    assert [problem.allowed for problem in refused.value.problems] == [
        "there is no such rule or check; did you mean newcomer?",
        "there is no such rule or check; did you mean words.body or words.website or words.name?",
        "there is no such site; did you mean news?",
    ]


def test_examples_alone_make_no_new_revision() -> None:
    more = RULES + "[[examples]]\ntext = 'x'\n"
    assert load_text(RULES, "m").rules.revision == load_text(more, "m").rules.revision


def test_the_shipped_file_has_many_examples_and_all_come_out() -> None:
    loaded = load_text(rules_file.default_text(), "moderation.toml")
    assert len(loaded.rules.examples) >= 60
    assert refuse_failures(loaded, "moderation.toml") is loaded
    assert any("Scunthorpe" in example.text and example.then == "clean" for example in loaded.rules.examples)


def test_the_shipped_file_cut_off_at_any_byte_is_read_or_refused_with_its_place() -> None:
    """With its first two examples, since a cut behind each of 72 says no more than these."""
    raw = "[[examples]]".join(rules_file.default_text().split("[[examples]]")[:3]).encode()
    raw += RULES[RULES.index("[[rules]]") :].encode()
    cuts = [_problems(raw[:end].decode("utf-8", "ignore")) for end in range(len(raw))]
    assert [] in cuts, "cut behind a whole table it is a rules file"
    told = [problem for cut in cuts for problem in cut]
    assert all(1 <= problem.line <= raw.count(b"\n") + 1 and problem.allowed for problem in told)


def _problems(text: str) -> list[RulesProblem]:
    try:
        refuse_failures(load_text(text, "moderation.toml"), "moderation.toml")
    except RulesInvalid as refused:
        return refused.problems
    return []
