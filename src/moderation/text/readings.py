"""What a reader's eye makes of one character: a letter, a face of a letter, a sign that may stand for one, or nothing.

Knows single characters only.  Words, spans and disguises of several characters live in `normalise`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

LETTER, FACE, DIGIT, SIGN, MARK, SPACE, GONE, NATIVE, ACCENT = range(9)
OPENING, CLOSING = "([{<\"'‘“«¿¡", "!?.,:;)]}>\"'’”»…"  # punctuation around a word


class Reading(NamedTuple):
    """`kind` is one of the constants above; `look` the Latin letters it looks like ('' where none); `native` the
    folded letter of its own script; `plain` what folded text shows for it; `other` letters it may also stand for, "?"
    for a face that is a sign and no letter: it may as well part or hide letters."""

    kind: int
    look: str
    native: str
    plain: str
    other: str = ""


# Signs and digits with the letter they most look like, then the others they are used for.
SIGNS = {
    "0": "ou", "1": "ilt", "2": "zsr", "3": "e", "4": "ah", "5": "s", "6": "gb", "7": "tly", "8": "b", "9": "gqp",
    "@": "aou", "$": "s", "!": "il", "|": "il", "+": "t", "(": "c", "<": "c", "[": "c", "{": "c", "€": "e", "£": "le",
    "#": "h", "^": "a", "¢": "c", "¥": "y", "&": "a", "¡": "i", "§": "s", "¦": "i", "°": "o", "×": "x", "†": "t",
    "?": "", ")": "", "]": "", "}": "", ">": "", "%": "o",
}  # fmt: skip
_WORDS = re.compile(
    r"(?:LATIN (?:SMALL |CAPITAL )?(?:LETTER |LIGATURE )?(?:SMALL CAPITAL |TURNED |REVERSED |INVERTED |SIDEWAYS |OPEN |"
    r"SMALL |CAPITAL |LONG |DOTLESS |INSULAR |HALF |BARRED |BLACKLETTER |SCRIPT )*|REGIONAL INDICATOR SYMBOL LETTER |"
    r"(?:NEGATIVE |CROSSED |SQUARED |CIRCLED |PARENTHESIZED |ITALIC )+LATIN (?:SMALL|CAPITAL) LETTER |"
    r"MODIFIER LETTER (?:SMALL |CAPITAL |CYRILLIC SMALL )?|COMBINING LATIN (?:SMALL )?LETTER )([A-Z])(?: WITH .*)?$"
)
# Scripts whose vowel signs are combining marks and part of the word.
_KEEPS_MARKS = ((0x0900, 0x0DFF), (0x0E00, 0x0EFF), (0x0F00, 0x109F), (0x1780, 0x17FF), (0x3099, 0x309A))
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u061c\u17b4\u17b5\u180e\u0640\U0001d159")
_SAME = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ۀ": "ه", "ؤ": "و", "ئ": "ي",
     "ё": "е", "ґ": "г", "ў": "у", "ς": "σ", "ھ": "ه", "ە": "ه", "ہ": "ه"}
)  # fmt: skip


class Readings(dict[str, Reading]):
    """One `Reading` a character, worked out when first met; at most one entry a code point."""

    def __missing__(self, char: str) -> Reading:
        reading = self[char] = read(char)
        return reading


@lru_cache(maxsize=1)
def faces() -> dict[str, str]:
    """The table of look-alikes: character to Latin letters."""
    source = Path(__file__).with_name("lookalikes.txt").read_text(encoding="utf-8")
    table: dict[str, str] = {}
    for line in source.splitlines():
        if line and not line.startswith("#"):
            letters, _, characters = line.partition("\t")
            table.update(dict.fromkeys(characters, letters))
    return table


def read(char: str) -> Reading:
    """The reading of one character; any code point has one."""
    code = ord(char)
    if char.isascii():
        return _read_ascii(char)
    if char.isspace():
        return Reading(SPACE, "", "", " ")
    category = unicodedata.category(char)
    if char in _FILLERS or category in ("Cf", "Cc", "Cs", "Co", "Cn") or 0xFE00 <= code <= 0xFE0F:
        return Reading(GONE, "", "", "")
    if category in ("Mn", "Me", "Mc"):
        kept = any(low <= code <= high for low, high in _KEEPS_MARKS) and code != 0x093C
        if kept:
            return Reading(NATIVE, "", char, char)
        return Reading(GONE, "", "", "")
    native = native_letter(char)
    flat = "".join(c for c in unicodedata.normalize("NFKD", char).casefold() if not unicodedata.combining(c))
    if flat.isascii() and flat.isalpha():
        accented = category[0] == "L" and 0x00C0 <= code <= 0x024F
        return Reading(ACCENT if accented else FACE, flat, flat, flat)
    if len(flat) == 1 and flat.isascii() and flat in SIGNS:
        ascii_reading = _read_ascii(flat)
        return ascii_reading._replace(native="")
    if flat.startswith("(") and flat.endswith(")") and flat[1:-1].isalpha() and flat.isascii():
        return Reading(FACE, flat[1:-1], flat[1:-1], flat[1:-1])
    if char in SIGNS:
        letters = SIGNS[char]
        return Reading(SIGN, letters[:1], "", char, letters[1:])
    look = faces().get(char) or faces().get(flat, "")
    named = _WORDS.match(unicodedata.name(char, ""))
    if not look:
        look = named.group(1).lower() if named else ""
        look = look or _with_a_stroke(char)
        if not look and len(flat) > 1:
            joined = "".join(faces().get(c, c if c.isascii() and c.isalpha() else "") for c in flat)
            look = joined if len(joined) == len(flat) else ""
    latin = unicodedata.name(char, "").startswith(("LATIN", "MODIFIER LETTER"))
    if category[0] == "L" and not latin and native:
        return Reading(NATIVE, look, native, native)
    if look:
        sign = "" if category[0] == "L" or named else "?"
        return Reading(ACCENT if 0x00C0 <= code <= 0x024F and latin else FACE, look, look, look, sign)
    if category[0] == "L" and flat:
        return Reading(NATIVE, "", flat, flat)
    return Reading(MARK, "", "", char)


def _with_a_stroke(char: str) -> str:
    """What the letter looks like of which this one is a variant: K for the Cyrillic қ, a ka with descender."""
    base, variant, _ = unicodedata.name(char, "").partition(" WITH ")
    if not variant or not base.startswith(("CYRILLIC", "GREEK", "ARMENIAN")):
        return ""
    try:
        return faces().get(unicodedata.lookup(base), "")
    except KeyError:
        return ""


def native_letter(char: str) -> str:
    """The letter in its own script, without case, width and the accents that its readers leave out."""
    composed = unicodedata.normalize("NFKC", char).casefold()
    if len(composed) == 1 and 0x30A1 <= ord(composed) <= 0x30F6:
        composed = chr(ord(composed) - 0x60)  # katakana reads as hiragana
    if len(composed) == 1 and 0x0370 <= ord(composed) <= 0x03FF:
        composed = "".join(c for c in unicodedata.normalize("NFD", composed) if not unicodedata.combining(c))
    return composed.translate(_SAME)


def _read_ascii(char: str) -> Reading:
    if char.isalpha():
        lower = char.lower()
        return Reading(LETTER, lower, lower, lower)
    if char.isspace():
        return Reading(SPACE, "", "", " ")
    if char.isdigit():
        return Reading(DIGIT, SIGNS[char][0], "", char, SIGNS[char][1:])
    if SIGNS.get(char):
        return Reading(SIGN, SIGNS[char][0], "", char, SIGNS[char][1:])
    if ord(char) < 32 or ord(char) == 127:
        return Reading(GONE, "", "", "")
    return Reading(MARK, "", "", char)
