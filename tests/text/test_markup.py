"""What is rendered by a shorter way is rendered with the same result."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from moderation.text import markup

PIECES = (
    *(
        "word",
        "über",
        "日本",
        " ",
        "  ",
        "\n",
        "\n\n",
        "**",
        "*",
        "_",
        "`",
        "~~",
        "> ",
        "- ",
        "1. ",
        "[",
        "](",
        ")",
        "(",
    ),
    *("<", ">", "&", "\\", ".", "..", ",", "/", "//", ":", "@", "#", "|", "www", "http", "https://", "example.org"),
    *("a.b", "com", "mailto:", "\u3002", "\uff0e", "xn--"),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)


@cache
def renderers() -> tuple[MarkdownIt, MarkdownIt]:
    return markup._renderer(linkify=False), markup._renderer(linkify=True)


@settings(max_examples=800, deadline=None)
@given(TEXTS)
def test_what_may_hold_no_address_has_no_link_for_either_renderer(text: str) -> None:
    other, linking = renderers()
    if not markup._may_link(text):
        assert other.render(text) == linking.render(text)


def test_a_text_with_markup_and_no_address_is_not_searched_for_one() -> None:
    assert not markup._may_link("So **loud**, every night: and _nobody_ asks. Why?")
    assert all(map(markup._may_link, ("see a.example", "//a", "x://", "MailTo:", "a.b")))


LINKED = st.lists(
    st.sampled_from((
        "word ", "a", "https://example.org", "https://council.example.org/minutes", "http://a.b.co/x/y.html", " ", "\n",
        "\n\n", ". ", ", ", "! ", "? ", "; ", ": ", "?", "!", ".", ",", "/", "-", "'", '"', "https://", " https://a.b ",
        " https://a-b.example/", "https://1.2.3.4/a", "http://ex.com/A-b", "\u3000", "\u00a0", "7 ", "HTTPS://A.com ",
        "https://xn--p1ai.org/", "https://a.b.cd/d.e", "https://a--b.com", "https://a.bc/--/c", "\u201c", "\u2026",
        "  ", "https://example.org/a.", " https://localhost ", "https://a.bc:80 ", "https://a.123 ", "(", ")",
        "\u2045removed\u2046",
    )),
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=3_000, deadline=None)
@given(LINKED)
def test_addresses_that_are_not_in_doubt_are_linked_as_the_library_links_them(text: str) -> None:
    visible = markup._visible(text)
    if "://" in visible:
        assert markup.rendered(visible).replace("[removed]", markup._MARK) == markup._marked(visible)


def test_a_text_whose_only_markup_are_plain_addresses_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "_marked", None)
    shown = markup.render("Read it at https://council.example.org/minutes, please.\n\nhttps://example.org")
    assert shown.count('<a href="https://') == 2
