"""The catalogue: whole in every language, up to date with the sources, with the same holes for numbers and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from moderation import catalogue
from moderation.settings import Site
from tests import catalogue as sources

LANGUAGES = catalogue.LANGUAGES[1:]
HOLES = re.compile(r"%\(\w+\)s|\{\w*\}|<[^>]+>")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_the_sources_is_translated_and_no_other(language: str) -> None:
    known = {message.id: message for message in catalogue.read(language) if message.id}
    said = {message.id for message in sources.found() if message.id}
    new, gone = sorted(map(str, said - known.keys())), sorted(map(str, known.keys() - said))
    assert (new, gone) == ([], []), "run `python -m tests.catalogue`, then translate what is new in locales/*.po"
    untold = [str(key) for key, message in known.items() if not all(_texts(message.string))]
    assert untold == [], "without a translation"


def test_a_script_says_nothing_that_the_catalogue_does_not_find() -> None:
    known = {message.id for message in sources.found() if message.id}
    scripts = (Path(catalogue.__file__).parent / "web" / "static").rglob("*.js")
    said = {words for path in scripts for words in re.findall(r'\b_\("([^"]+)"', path.read_text())}
    assert said - known == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_holes_for_numbers_names_and_marks(language: str) -> None:
    for message in (each for each in catalogue.read(language) if each.id):
        told = [set(HOLES.findall(text)) for text in _texts(message.id)]
        for text in _texts(message.string):
            assert set(HOLES.findall(text)) <= set.union(*told), message.id
        assert set(HOLES.findall(_texts(message.string)[-1])) == told[-1], message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_file_stands_as_it_would_be_written(language: str) -> None:
    file = catalogue.FOLDER / f"{language}.po"
    assert file.read_bytes() == sources.written(sources.updated(language))


def test_a_site_may_speak_every_language_that_there_is() -> None:
    assert get_args(Site.model_fields["language"].annotation) == catalogue.LANGUAGES


def test_what_is_not_known_is_said_in_english() -> None:
    catalogue.speak("xx")
    assert catalogue.spoken() == "en"
    assert catalogue.said_in("de", "Nobody ever translated this.") == "Nobody ever translated this."


def test_numbers_and_times_are_written_as_the_language_does() -> None:
    at = datetime(2026, 3, 2, 15, 4, tzinfo=UTC)
    catalogue.speak("de")
    assert catalogue.counted("{n} comment", "{n} comments", 12345) == "12.345 Kommentare"
    assert catalogue.moment(at, "d MMMM y 'at' HH:mm") == "2. März 2026 um 15:04"
    catalogue.speak("en")
    assert catalogue.counted("{n} comment", "{n} comments", 1) == "1 comment"
    assert catalogue.moment(at, "d MMMM y 'at' HH:mm") == "2 March 2026 at 15:04"


@pytest.mark.parametrize(
    ("wished", "spoken"),
    [(["de-AT", "en"], "de"), (["fr", "DE"], "de"), (["fr"], "en"), ([], "en"), (["en-US", "de"], "en")],
)
def test_the_first_wish_that_can_be_met(wished: list[str], spoken: str) -> None:
    assert catalogue.best(wished) == spoken


def _texts(told: str | Sequence[str] | None) -> list[str]:
    return [told] if isinstance(told, str) else list(told or [""])


TEMPLATES = Path(catalogue.__file__).parent / "web" / "templates"
CODE = re.compile(r"\{#.*?#\}|\{% trans .*?\{% endtrans %\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
MARKUP = re.compile(r"<(code|kbd|pre)\b[^>]*>[^<]*</\1>|<[^>]*>|[\w-]+=\"[^\"]*\"", re.DOTALL)
SAID = re.compile(r"\b(?:aria-label|title|placeholder|alt)=\"([^\"]*)\"")
KIND = re.compile(r"\{% block kind %\}.*?\{% endblock %\}")


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("desk/*.html")) + sorted(TEMPLATES.glob("reader/*.html")))
def test_no_page_has_words_of_its_own(path: Path) -> None:
    """Whatever a template says goes through the catalogue: nothing is left once code and markup are taken away."""
    if path.name == "demo.html":
        return  # an English newspaper that does not exist
    left = CODE.sub("", KIND.sub("", path.read_text("utf-8")))
    words = [*SAID.findall(left), MARKUP.sub(" ", left)]
    assert [word for said in words for word in re.findall(r"[A-Za-z]{2,}", said)] == []
