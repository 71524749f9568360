"""A comment's text on a card: the HTML that the public sees, with every matched span marked or told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doors.hostile.rows import corpus

from moderation.text.markup import REDACTED, render
from moderation.values import Span
from moderation.web.marks import Piece
from moderation.web.nodes import nodes
from moderation.web.shown import Element, Shown, shown

URL = "https://evil.example/x"


def show(body: str, spans: Sequence[Span], masks: Sequence[Span] = ()) -> Shown:
    return shown(body, render(body, masks), tuple(spans), tuple(masks))


def at(body: str, words: str, number: int = 1, label: str = "found") -> Span:
    """The span of the words where they stand for the so-manieth time."""
    start = -1
    for _ in range(number):
        start = body.index(words, start + 1)
    return Span(start, start + len(words), label)


def pieces(tree: Sequence[Element | list[Piece]]) -> Iterator[Piece]:
    for node in tree:
        if isinstance(node, Element):
            yield from pieces(node.children)
        else:
            yield from node


def marked(found: Shown, label: str = "found") -> list[str]:
    """What stands under the label, stretch by stretch."""
    told: list[str] = []
    for piece in pieces(found.tree):
        if label in piece.matches:
            told = [*told, ""] if label in piece.begins or not told else told
            told[-1] += piece.text
    return told


def flat(tree: Sequence[Element | list[Piece]]) -> list[object]:
    """As `nodes` has it."""
    return [
        [node.tag, flat(node.children)] if isinstance(node, Element) else "".join(piece.text for piece in node)
        for node in tree
    ]


def bare(tree: list[object]) -> list[object]:
    return [[node[0], bare(node[1])] if isinstance(node, list) else node for node in tree]


@pytest.mark.parametrize(
    ("body", "words", "number", "seen"),
    [
        ("A damn shame", "damn", 1, ["damn"]),
        ("*damn* and **damn**", "damn", 2, ["damn"]),
        ("d*am*n it", "d*am*n", 1, ["damn"]),
        ("> damn\n\n1. damn\n2. damn", "damn", 2, ["damn"]),
        ("`damn` \\*damn", "damn", 2, ["damn"]),
        ("damn [damn](https://a.example/damn) damn", "damn", 4, ["damn"]),
        (f"See {URL} there", URL, 1, [URL]),
        (f"See [me]({URL}) there", URL, 1, ["me"]),
        (f"See <{URL}> there", URL, 1, [URL]),
        ("!!!!!!!! no", "!!!!!!!!", 1, ["!!!!!!!!"]),
        ("fu\u200bn here", "fu\u200bn", 1, ["fu\u200bn"]),
        ("日本語 バカ です", "バカ", 1, ["バカ"]),
    ],
)
def test_a_span_is_marked_where_the_public_sees_it(body: str, words: str, number: int, seen: list[str]) -> None:
    found = show(body, [at(body, words, number)])
    assert marked(found) == seen
    assert found.elsewhere == []


def test_the_right_one_of_equal_words_is_marked() -> None:
    body = "damn *damn* damn"
    found = show(body, [at(body, "damn", 2)])
    (emphasis,) = [node for node in found.tree[0].children if isinstance(node, Element)]  # type: ignore[union-attr]
    assert "".join(piece.text for piece in pieces([emphasis]) if piece.matches) == "damn"


def test_what_stands_for_a_mask_is_marked_with_what_was_found_there() -> None:
    body = "Write to a@b.example, you fool, or do not."
    masks = [at(body, "a@b.example", label="email"), at(body, "fool", label="word"), at(body, "or do", label=REDACTED)]
    found = show(body, [at(body, "a@b.example"), at(body, "fool", label="insult")], masks)
    assert marked(found) == ["[e-mail hidden]"]
    assert marked(found, "insult") == ["f***"]
    assert [piece.text for piece in pieces(found.tree) if piece.hidden] == ["[e-mail hidden]", "f***", "[removed]"]


def test_what_the_public_does_not_see_at_all_is_told_apart() -> None:
    body = '[me](https://a.example "a damn title") is here'
    found = show(body, [at(body, "damn")])
    assert [piece.text for piece in found.elsewhere] == ["damn"]
    assert marked(found) == []


def test_a_link_leads_nowhere_and_names_its_host() -> None:
    body = f"[a.example]({URL}) and [evil.example/y]({URL}) and {URL} and [evil.example.a.example]({URL})"
    (paragraph,) = show(body, []).tree
    assert isinstance(paragraph, Element)
    hosts = [node.host for node in paragraph.children if isinstance(node, Element)]
    assert hosts == ["evil.example", "", "", "evil.example"]


words = st.text(st.sampled_from("ab c*_`[]()<>\\#>-1.\n\t!~&é漢\U000f0001"), max_size=60) | st.text(max_size=40)
spans = st.lists(st.builds(lambda s, n: Span(s, s + n, f"at {s}"), st.integers(0, 50), st.integers(1, 20)), max_size=5)
masks = st.lists(
    st.builds(
        lambda s, n, label: Span(s, s + n, label),
        st.integers(0, 50), st.integers(1, 9), st.sampled_from(["email", "word", REDACTED]),
    ),
    max_size=3,
)  # fmt: skip


@given(words, spans, masks)
def test_whatever_is_marked_the_text_is_what_the_public_sees(body: str, found: list[Span], hidden: list[Span]) -> None:
    html = render(body, hidden)
    told = show(body, found, hidden)
    assert flat(told.tree) == bare(nodes(html))
    seen = {label for piece in pieces(told.tree) for label in piece.matches}
    apart = {label for piece in told.elsewhere for label in piece.matches}
    assert seen | apart >= {span.label for span in found if span.start < len(body)} - _blank(body, found)


def _blank(body: str, found: list[Span]) -> set[str]:
    """Spans of nothing but blanks may stand where nothing is shown."""
    return {span.label for span in found if not body[span.start : span.end].strip()}


def test_hostile_texts_are_shown_as_the_public_sees_them() -> None:
    for row in corpus("xss_markdown"):
        found = show(row.text, [Span(0, len(row.text), "all"), Span(2, 9, "some")])
        assert flat(found.tree) == bare(nodes(render(row.text)))
