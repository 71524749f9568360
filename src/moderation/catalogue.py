"""The catalogue: every sentence that people read, by what it is in English, in each language that there is.

A language is a file `locales/CODE.po` (gettext). Whoever answers somebody says first in which language (`speak`); what
has no translation is said in English. `python -m tests.catalogue` brings the files up to date with the sources.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.dates import format_datetime
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES = ("en", "de")
FOLDER = Path(__file__).parent / "locales"

_spoken: ContextVar[str] = ContextVar("spoken", default="en")


def speak(language: str) -> None:
    """From now on, in this thread's request, sentences are in `language`; in English where that is not known."""
    _spoken.set(language if language in LANGUAGES else "en")


def spoken() -> str:
    """The code of the language that is spoken (BCP 47)."""
    return _spoken.get()


def _(sentence: str) -> str:
    """`sentence` in the language that is spoken."""
    return said_in(_spoken.get(), sentence)


def plural(one: str, many: str, number: int) -> str:
    """`one` or `many` in the language that is spoken, as `number` asks for."""
    return _translations(_spoken.get()).ngettext(one, many, number)


def counted(one: str, many: str, number: int) -> str:
    """The same, with `{n}` in it replaced."""
    return plural(one, many, number).format(n=number_words(number))


def said_in(language: str, sentence: str) -> str:
    """`sentence` in `language`."""
    return sentence if language == "en" else _translations(language).gettext(sentence)


def number_words(number: int) -> str:
    """`12,345`, `12.345`."""
    return format_decimal(number, locale=_locale())


def moment(at: datetime, pattern: str) -> str:
    """A time by a pattern of CLDR (UTS #35), which is in the catalogue itself: days stand before months or behind."""
    return format_datetime(at, _(pattern), locale=_locale())


def language_name(code: str) -> str:
    """The name of a language by CLDR; empty in English, which has names of our own, and where there is none."""
    return "" if _spoken.get() == "en" else str(_locale().languages.get(code, ""))


@lru_cache(maxsize=32)
def words_of(place: str, language: str) -> dict[str, str]:
    """What the scripts say whose paths hold `place`, by what it is in English: put into them or their page, since they
    read no catalogue. Empty for English."""
    if language == "en":
        return {}
    return {
        str(message.id): str(message.string)
        for message in read(language)
        if message.id and any(place in path for path, _line in message.locations)
    }


def read(language: str) -> Catalog:
    """The catalogue of a language, from its file."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def best(wished: Sequence[str]) -> str:
    """The first of `wished` (codes, with or without a country) that there is; English where there is none."""
    codes = (code.lower().partition("-")[0] for code in wished)
    return next((code for code in codes if code in LANGUAGES), "en")


@lru_cache(maxsize=len(LANGUAGES))
def _translations(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read(language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _locale() -> Locale:
    return Locale(_spoken.get())
