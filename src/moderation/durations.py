"""Lengths of time as people write and read them: `30 minutes`, `4 hours`, `2 days`."""

from __future__ import annotations

import re
from datetime import timedelta

from moderation.catalogue import _, counted

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
WORDS = (("{n} minute", "{n} minutes"), ("{n} hour", "{n} hours"), ("{n} day", "{n} days"))


def parse_duration(text: str) -> timedelta:
    """The time that `text` names. Raises ValueError for anything but a whole number and a unit, or over a year."""
    found = re.fullmatch(r"([1-9][0-9]{0,5}) ?(minute|hour|day)s?", text)
    if not found:
        raise ValueError(text)
    time = timedelta(seconds=int(found[1]) * _UNITS[found[2]])
    if time > timedelta(days=366):
        raise ValueError(text)
    return time


def in_words(time: timedelta) -> str:
    """`under a minute`, `12 minutes`, `3 hours 5 minutes`, `2 days 4 hours`: two units at most, rounded down."""
    left, words = int(time.total_seconds()), []
    for (one, many), size in reversed(tuple(zip(WORDS, _UNITS.values(), strict=True))):
        count, left = divmod(left, size)
        if count:
            words.append(counted(one, many, count))
        elif words:
            break
    return " ".join(words[:2]) or _("under a minute")
