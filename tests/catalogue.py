"""`python -m tests.catalogue`: look through the sources for sentences, and bring `src/moderation/locales` up to date.

New ones come in without a translation, for a person to write; those that nobody says any more are dropped.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

from moderation import catalogue, durations, roles_page, settings
from moderation.web import (
    app,
    auth,
    backtests,
    ban_lines,
    bans,
    desk,
    desk_keys,
    details,
    front,
    history,
    holds,
    me,
    numbers,
    pages,
    people,
    problems,
    redactions,
    reports,
    second_step,
    sentences,
    stands,
    views,
)  # fmt: skip

SOURCES = Path(catalogue.__file__).parent
KEYWORDS = {"_": None, "said_in": (2,), "counted": (1, 2), "moment": (2,), "gettext": None, "ngettext": (1, 2)}
OPTIONS = {"trimmed": "true", "extensions": "jinja2.ext.i18n", "silent": "false", "parse_template_string": "true"}
KINDS = {".py": "python", ".html": "jinja2.ext:babel_extract", ".js": "javascript"}

TABLES: tuple[tuple[str, object], ...] = (
    ("web/problems.py", [title for _status, _slug, title in problems.STATUSES.values()]),
    ("web/problems.py", [problems.DETAILS, problems.FIELD_SENTENCES]),
    ("web/front.py", [front.AWAITING, front.PUBLISHED]),
    ("web/stands.py", [stands.STANDS, stands.AGAIN]),
    ("web/reports.py", reports.THANKS),
    ("web/pages.py", [label for _field, label in pages.LABELS.values()]),
    ("web/app.py", app.TITLES),
    (
        "web/sentences.py",
        [sentences.STATUSES, sentences.DONE, sentences.DECISIONS, sentences.EFFECTS, sentences.PLACES],
    ),
    (
        "web/sentences.py",
        [
            sentences.FINDINGS,
            sentences.IN_SHORT,
            sentences.PASSED,
            sentences.RULES,
            sentences.SPANS,
            sentences.UNSIFTED,
            sentences.UNTOLD,
        ],
    ),
    ("web/sentences.py", [sentences.ROLES, sentences.SEVERAL, sentences.AND_MANY, sentences.IN_SHORT]),
    ("web/views.py", [label for _tab, label, _status in views.TABS]),
    ("web/views.py", [[words for words, _since in views.AGES.values()], views.SORTS]),
    ("web/desk.py", desk.EMPTY),
    ("web/desk_keys.py", [each.words for each in desk_keys.ALL]),
    ("web/details.py", [details.DONE, [part.title for part in details.PARTS.values()]]),
    ("web/numbers.py", [[words for words, _days in numbers.PERIODS.values()], numbers.WEEKDAYS]),
    ("web/history.py", [history.RECEIVED, history.ACTIONS]),
    ("web/holds.py", holds.TOLD),
    ("web/me.py", me.TOLD),
    ("web/people.py", people.TOLD),
    ("web/auth.py", auth.REFUSED),
    ("web/second_step.py", second_step.REFUSED),
    ("web/redactions.py", redactions.FIELDS),
    ("web/bans.py", [bans.TOLD, bans.FIELDS]),
    ("web/ban_lines.py", [[words for words, _time in ban_lines.ENDS.values()], ban_lines.WHOM, ban_lines.EFFECTS]),
    ("web/backtests.py", backtests.ENDS),
    ("roles_page.py", roles_page.WORDS),
    ("settings.py", [each.label for each in settings.REASONS]),
)
"""Sentences that stand in tables, and are looked up when they are said."""

COUNTED: tuple[tuple[str, list[tuple[str, str]]], ...] = (
    ("web/sentences.py", [(one, many) for _size, one, many in sentences.AGO]),
    ("durations.py", list(durations.WORDS)),
)
"""The same for those that go with a number."""


def found() -> Catalog:
    """All sentences of the sources, with the files that say them."""
    catalog = Catalog(fuzzy=False)
    for path in sorted(SOURCES.rglob("*")):
        if path.suffix in KINDS and "vendor" not in path.parts:
            place = path.relative_to(SOURCES).as_posix()
            for _line, message, _comments, _context in extract_from_file(
                KINDS[path.suffix], path, keywords=KEYWORDS, options=OPTIONS
            ):
                catalog.add(message, locations=[(place, 0)])
    for place, table in TABLES:
        for sentence in _texts(table):
            catalog.add(sentence, locations=[(place, 0)])
    for place, pairs in COUNTED:
        for one, many in pairs:
            catalog.add((one, many), locations=[(place, 0)])
    return catalog


def _texts(table: object) -> Iterator[str]:
    if isinstance(table, str):
        yield table
    elif isinstance(table, Mapping):
        for value in table.values():
            yield from _texts(value)
    elif isinstance(table, tuple | list):
        for value in table:
            yield from _texts(value)


def updated(language: str) -> Catalog:
    """The catalogue of `language` with what was found; kept is what is translated and still said."""
    known, catalog = catalogue.read(language), Catalog(locale=language, fuzzy=False)
    for message in found():
        if message.id:
            old = known.get(message.id)
            catalog.add(message.id, old.string if old else "", locations=sorted(set(message.locations)))
    return catalog


def written(catalog: Catalog) -> bytes:
    """As it stands in the file."""
    file = io.BytesIO()
    write_po(file, catalog, omit_header=True, sort_output=True, width=0, include_lineno=False)
    return file.getvalue()


def main() -> None:
    for language in catalogue.LANGUAGES[1:]:
        path = catalogue.FOLDER / f"{language}.po"
        if not path.exists():
            path.write_bytes(written(Catalog(locale=language, fuzzy=False)))
        path.write_bytes(written(updated(language)))


if __name__ == "__main__":
    main()
