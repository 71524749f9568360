"""Reads one piece of text (a chunk without spaces, or a run of fragments) against an index: what is hidden in it?

Each piece is read in a few ways at once: letters alone, signs and digits as the letters they imitate, each script's own
letters.  Every candidate is then checked against what is really written, its surroundings and the innocent words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from moderation.text.index import Form, Index
from moderation.text.leet import heavy
from moderation.text.masks import masked
from moderation.text.normalise import Unit, read_units
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, LETTER, NATIVE, SIGN, Reading
from moderation.text.spelling import distance, key, key_of, sound, squash
from moderation.text.upside import turned
from moderation.text.words import common, innocent, innocent_keys, innocent_squashed


class Hit(NamedTuple):
    """[start, end) of the piece spells `form`; `tags` say how it was hidden."""

    start: int
    end: int
    form: Form
    tags: frozenset[str]


class Line(NamedTuple):
    """One way to read a piece: letters, the unit behind each, and where its unbroken segment begins and ends."""

    letters: str
    units: Sequence[Unit]
    places: list[int]
    begins: list[int]
    ends: list[int]
    tags: frozenset[str]
    drawn: str = ""
    foreign: bool = False


class Place(NamedTuple):
    """What kind of piece is read: a web address or path; a run of several chunks."""

    address: bool
    spaced: bool


_RANDOM = re.compile(
    r"(?:[0-9a-f]{8}-[0-9a-f]{4}-.*|(?=[a-z-]*[0-9][0-9a-z-]*[a-z])(?:\w+:)?[0-9a-f]{8,}|0x[0-9a-f]+|#[0-9a-f]{3,8})\Z"
)
_ADDRESS = re.compile(r"[a-z]://|www\.|[\w+-]@[\w-]{1,63}\.|\w\w/\w|\w/\w\w|\w\w\.(?:com|org|net|example|co\.uk|io)\b")
_OUTER = "".join(map(chr, range(33, 48))) + ":;<=>?[\\]^_`{|}~“”‘’«»…"
_BESIDE = 30  # letters beside a match that are looked at
# Latin letters and signs that stand for Cyrillic ones in a word that is Cyrillic otherwise.
_CYRILLIC = dict(zip("aceopxykmthb306@iu", "асеорхукмтнвзобаіи", strict=True)) | {
    "4": "ч",
    "1": "и",
    "n": "п",
    "r": "г",
}
_OPEN = frozenset(("s", "es", "ed", "er", "ers", "in", "ing", "y"))
_JOINERS = ("s", "ed", "er", "ers", "ing", "in", "y")
_NONE: frozenset[str] = frozenset()


def scan(index: Index, piece: str, *, spaced: bool = False) -> list[Hit]:
    """What `piece` hides.  `spaced`: it is a run of several chunks, to be read as one word."""
    if index.automaton is None:
        return []
    units = read_units(piece)
    lower = piece.lower()
    place = Place(("/" in piece or "." in piece) and bool(_ADDRESS.search(lower)), spaced)
    if _RANDOM.match(lower.strip(_OUTER)):
        return []
    hits: list[Hit] = []
    for line in readings(index, units, piece):
        hits += _search(index, line, place)
    if not spaced and not place.address:
        hits += _whole_word(index, units, hits)
    return hits


def readings(index: Index, units: Sequence[Unit], piece: str) -> list[Line]:
    """The ways to read a piece that differ from one another."""
    kinds = {u.reading.kind for u in units}
    lines = [_line(units, leet=False, native=False)]
    if NATIVE in kinds and not kinds & {LETTER, FACE, ACCENT}:
        lines = [lines[0]._replace(foreign=True)]
    if DIGIT in kinds or SIGN in kinds:
        bare = _unpunctuated(units)
        lines.append(_line(bare, leet=True, native=False))
        if len(bare) < len(units) and bare and units[0] is not bare[0]:
            lines.append(_line(units[: units.index(bare[-1]) + 1], leet=True, native=False))
    merged = heavy(units, piece)
    if merged is not None:
        lines.append(_line(merged, leet=True, native=False)._replace(drawn=piece.lower().strip(_OUTER)))
    flipped = turned(piece)
    if flipped is not None:
        lines.append(_line(flipped, leet=False, native=False)._replace(tags=frozenset({"upside-down"})))
    if NATIVE in kinds:
        lines.append(_line(units, leet=False, native=True))
    meant = (spelt for line in lines if line.tags for spelt in (line.letters, squash(line.letters)))
    if any(word in common() and word not in index.words for word in meant):
        return []  # c.0.u.n.t is count, whatever is left of it without its digit
    distinct: dict[str, Line] = {}
    for line in lines:
        if line.letters:
            distinct.setdefault(line.letters, line)
    return list(distinct.values())


def _unpunctuated(units: Sequence[Unit]) -> Sequence[Unit]:
    """Without the signs at either end that are more likely punctuation: (word), word!!!"""
    first, last = 0, len(units)
    while last > first and units[last - 1].reading.plain in "!?.,:;)]}>\"'*%":
        last -= 1
    while first < last and units[first].reading.plain in "([{<\"'#@|*!":
        first += 1
    return units[first:last]


def _line(units: Sequence[Unit], *, leet: bool, native: bool) -> Line:
    letters: list[str] = []
    places: list[int] = []
    begins: list[int] = []
    ends: list[int] = []
    begin = 0
    broken = False
    cyrillic = native and any("\u0400" <= u.reading.native <= "\u04ff" for u in units)
    for i, (reading, _, _) in enumerate(units):
        kind = reading.kind
        if cyrillic and kind in (LETTER, FACE, DIGIT, SIGN):
            seen = _CYRILLIC.get(reading.plain, reading.native)
        elif kind == LETTER:
            seen = reading.look
        elif native:
            seen = reading.native if kind in (NATIVE, ACCENT, FACE) else ""
        elif kind in (FACE, ACCENT, NATIVE) or (leet and kind in (DIGIT, SIGN)):
            seen = reading.look
        else:
            seen = ""
        if not seen and kind == NATIVE:
            seen = "\0"  # a letter that is none of ours ends every word
        if not seen:
            broken = broken or kind != GONE
            continue
        if broken and letters:
            ends += [len(letters)] * (len(letters) - begin)
            begin = len(letters)
        broken = False
        for letter in seen:
            letters.append(letter)
            places.append(i)
            begins.append(begin)
    ends += [len(letters)] * (len(letters) - begin)
    return Line("".join(letters), units, places, begins, ends, frozenset({"leet"}) if leet else _NONE)


def _search(index: Index, line: Line, place: Place) -> list[Hit]:
    hits: list[Hit] = []
    letters = line.letters
    latin = letters.isascii()
    if latin:
        key_letters, begins = key_of(letters)
    else:
        key_letters, begins = letters, list(range(len(letters) + 1))
    assert index.automaton is not None
    seen_before: dict[tuple[int, str, str, str], bool] = {}
    excused: list[tuple[int, int]] = []
    if not latin and index.allowed is not None:
        excused = [(end - size + 1, end + 1) for end, size in index.allowed.iter(letters)]
    for end, (size, forms) in index.automaton.iter(key_letters):
        first, last = begins[end - size + 1], begins[end + 1]
        seen = letters[first:last]
        gaps = line.begins[first] != line.begins[last - 1]
        if place.spaced and not gaps:
            continue
        if excused and any(a <= first and last <= b for a, b in excused):
            continue
        left = letters[max(line.begins[first], first - _BESIDE) : first]
        right = letters[last : min(line.ends[last - 1], last + _BESIDE)]
        for form in forms:
            if form.latin != latin:
                continue
            known = None if gaps or line.tags else seen_before.get((id(form), seen, left, right))
            if known is False:
                continue
            cut = tuple(letters[begins[k] : begins[k + 1]] for k in range(end - size + 1, end + 1)) if latin else ()
            hit = _check(index, form, line, place, first, last, cut, left, right, gaps)
            if hit is not None:
                hits.append(hit)
            elif known is None:
                seen_before[(id(form), seen, left, right)] = False
    return hits


def _check(
    index: Index,
    form: Form,
    line: Line,
    place: Place,
    first: int,
    last: int,
    cut: tuple[str, ...],
    left: str,
    right: str,
    gaps: bool,
) -> Hit | None:
    """The hit, if what stands at letters [first, last) of `line` is to be read as `form`."""
    term = form.term
    seen = line.letters[first:last]
    odd, stretched = (0, False)
    if form.latin and seen != form.letters:
        odd, stretched = _distance(form, cut, line, first)
        if odd and (not term.wild or place.address):
            return None
        if not term.wild and squash(seen) != squash(form.letters):
            return None
        if stretched and not (term.wild or (term.language == "en" and len(form.letters) > 4)) and not _drawn_out(seen):
            return None
    if line.drawn.isalpha() and not term.wild:
        return None
    if line.foreign and (odd or not term.wild or left or right):
        return None
    if line.tags and not _lettered(line, first, last, term.wild):
        return None
    if gaps:
        if place.address:
            return None
        pieces = _pieces(line, first, last)
        if len(pieces) > 2 and all(len(p) == 1 for p in pieces):
            left, right = _beside_singles(line, first, last)
        elif not _broken(form, pieces, left, right, odd, line, first, last):
            return None
    whole = left + seen + right
    exact = not odd and not left and not right
    if form.latin:
        joined = bool(left or right)
        if odd > _allowed(
            len(form.letters), joined and not _ending(form.letters, right, _OPEN) if not left else joined
        ):
            return None
        if (not exact or whole in index.allow) and _is_innocent(
            index, form, whole, seen, joined=joined, plain=not (odd or stretched or line.tags or gaps)
        ):
            return None
        if stretched and joined and squash(whole) in innocent_squashed():
            return None
        if (not exact and whole in common()) or (line.drawn and (line.drawn in common() or line.drawn in innocent())):
            return None
    if not _fits(index, form, left, right, place.address):
        return None
    at, to = line.places[first], line.places[last - 1]
    span = line.units[at : to + 1]
    tags = _tags(span, line, odd, stretched, gaps)
    return Hit(min(u.start for u in span), max(u.end for u in span), form, tags)


def _drawn_out(seen: str) -> bool:
    """Three of the same letter in a row: no language spells so."""
    return any(seen[i] == seen[i + 1] == seen[i + 2] for i in range(len(seen) - 2))


def _lettered(line: Line, first: int, last: int, wild: bool) -> bool:
    """Enough real letters, or signs that nobody writes as numbers, to read digits as letters."""
    kinds = [line.units[line.places[i]].reading.kind for i in range(first, last)]
    digits, signs = kinds.count(DIGIT), kinds.count(SIGN)
    letters = len(kinds) - digits - signs
    if wild:
        return letters > 0 or signs >= digits
    return letters >= 2 or (letters > 0 and len(kinds) < 4) or not digits + signs


def _is_innocent(index: Index, form: Form, whole: str, seen: str, *, joined: bool, plain: bool) -> bool:
    if (
        whole in innocent()
        or whole in index.allow
        or any(whole.startswith(a) and form.letters in a for a in index.excuses.get(whole[:2], ()))
    ):
        return True
    for ending in ("s", "y", "es", "ed", "ing", "er", "ers", "ly", "ness"):
        if whole.endswith(ending) and len(whole) - len(ending) > len(seen) and whole[: -len(ending)] in innocent():
            return True
    return joined and not plain and key(whole) in innocent_keys()


def _distance(form: Form, cut: tuple[str, ...], line: Line, first: int) -> tuple[int, bool]:
    """Distance of what is written, a sign or digit counting as any letter that it may stand for."""
    seen = list(cut)
    at = first
    for i, (meant, got) in enumerate(zip(form.runs, cut, strict=True)):
        if len(meant) == len(got) and meant != got:
            repaired = ""
            for j, letter in enumerate(got):
                reading: Reading = line.units[line.places[at + j]].reading
                free = reading.kind in (FACE, NATIVE) or (reading.kind in (DIGIT, SIGN) and meant[j] in reading.other)
                repaired += meant[j] if free else letter
            seen[i] = repaired
        at += len(got)
    return distance(form.runs, tuple(seen))


def _allowed(size: int, joined: bool) -> int:
    """Odd letters allowed in a word of `size` letters; none where other letters touch it."""
    if joined:
        return 0
    return 1 if size < 6 else 2 if size < 9 else 3


def _pieces(line: Line, first: int, last: int) -> list[str]:
    pieces: list[str] = []
    i = first
    while i < last:
        end = min(line.ends[i], last)
        pieces.append(line.letters[i:end])
        i = end
    return pieces


def _beside_singles(line: Line, first: int, last: int) -> tuple[str, str]:
    """The letters that stand alone before and after a match spelt letter by letter; wider gaps part words."""

    def single(i: int) -> bool:
        return line.ends[i] - line.begins[i] == 1

    width = max(line.places[i + 1] - line.places[i] for i in range(first, last - 1))
    begin = first
    while (
        begin > 0
        and first - begin < _BESIDE
        and single(begin - 1)
        and line.places[begin] - line.places[begin - 1] <= width
    ):
        begin -= 1
    end = last
    size = len(line.letters)
    while end < size and end - last < _BESIDE and single(end) and line.places[end] - line.places[end - 1] <= width:
        end += 1
    left, right = line.letters[begin:first], line.letters[last:end]
    return ("" if left in ("a", "i", "u") else left), ("" if right in ("u", "a", "i") else right)


def _broken(form: Form, pieces: list[str], left: str, right: str, odd: int, line: Line, first: int, last: int) -> bool:
    """May a word in `pieces` be read as one?  Only whole pieces, and not when each piece is a word of its own."""
    if left or odd or len(form.letters) < 4:
        return False
    if form.parts == tuple(pieces):
        return not right or right in _JOINERS
    if (
        form.term.severity == "mild"
        or form.term.maybe
        or form.term.language != "en"
        or len(pieces) > max(3, len(form.letters) - 2)
    ):
        return False
    if right and right not in _JOINERS:
        return False
    before = line.units[line.places[first] - 1].reading.plain if line.places[first] else ""
    if len(pieces[0]) == 1 and before in ("'", "’", "`"):
        return False  # "it's hit" is not a word cut in two
    words = common()
    return not all(
        p in words or (len(p) == 1 and p not in "fcknbwp") or (len(p) == 1 and len(pieces) == 2 and p == pieces[-1])
        for p in pieces
    )


def _fits(index: Index, form: Form, left: str, right: str, address: bool) -> bool:
    """Does the boundary of the term allow what touches the match?"""
    boundary = form.term.boundary
    if not left and not right:
        return True
    if boundary == "anywhere":
        return not address
    if address:
        return False
    endings = index.endings.get(form.term.language, _NONE)
    if boundary in ("inflect", "compound") and not left and _ending(form.letters, right, endings):
        return True
    if boundary == "stem":
        return not left or left in index.prefixes.get(form.term.language, _NONE)
    if boundary == "prefix":
        return not left
    if boundary == "suffix":
        return not right
    if boundary == "compound":
        if right and _ending(form.letters, right, endings):
            right = ""
        return _made_of_words(index, left) and _made_of_words(index, right, endings)
    return False


def _ending(word: str, right: str, endings: frozenset[str]) -> bool:
    if not right or right in endings or (right[0] == word[-1] and right[1:] in endings):
        return True
    short = squash(right)
    return short in endings and short != right


def _made_of_words(index: Index, letters: str, endings: frozenset[str] = _NONE) -> bool:
    """True where `letters` fall apart into common words, bad words and their endings, or are crosses (xX_x_Xx)."""
    if not letters or not letters.strip("x"):
        return True
    size = len(letters)
    if size >= _BESIDE:
        return False
    words = common()
    reach = [True] + [False] * size
    after_word = [bool(endings)] + [False] * size
    for i in range(size):
        if not reach[i]:
            continue
        for j in range(i + 1, min(size, i + 16) + 1):
            part = letters[i:j]
            bad = j - i > 2 and part in index.words and index.words[part].term.language == "en"
            if bad or (part in words and (j - i > 2 or part in _SHORT)):
                reach[j] = True
                after_word[j] = after_word[j] or bad
            elif after_word[i] and part in _TAILS:
                reach[j] = True
    return reach[-1]


_SHORT = frozenset(
    ("go", "he", "im", "in", "is", "it", "me", "my", "no", "of", "oh",
     "on", "so", "to", "up", "ur", "we")
)  # fmt: skip
_TAILS = frozenset(
    ("a", "ah", "ahs", "as", "asaurus", "az", "bag", "bags", "bandit", "bird", "blimp",
     "brain", "bunny", "dip", "ed", "elope", "er", "ers", "es", "face", "fest", "ful",
     "gobbler", "hat", "head", "hed", "hole", "in", "ing", "ish", "lick", "licker", "lord",
     "muncher", "nugget", "nut", "s", "stain", "ster", "stick", "sucker", "tard", "tastic", "wad",
     "whit", "wit", "y", "z", "zilla")
)  # fmt: skip


def _tags(span: Sequence[Unit], line: Line, odd: int, stretched: bool, gaps: bool) -> frozenset[str]:
    kinds = {u.reading.kind for u in span}
    tags = set(line.tags - {"leet"})
    if FACE in kinds or (NATIVE in kinds and line.letters.isascii()):
        tags.add("lookalike")
    if ACCENT in kinds and line.letters.isascii():
        tags.add("accent")
    if "leet" in line.tags and (DIGIT in kinds or SIGN in kinds):
        tags.add("leet")
    if GONE in kinds:
        tags.add("invisible")
    if gaps:
        tags.add("spaced")
    if stretched:
        tags.add("stretched")
    if odd:
        tags.add("respelt")
    return frozenset(tags)


def _whole_word(index: Index, units: Sequence[Unit], hits: list[Hit]) -> list[Hit]:
    """The piece as one word: misspelt, backwards, by its sound, or masked."""
    core = _trim(units)
    if not 3 <= len(core) <= 40 or hits:
        return []
    start, end = core[0].start, core[-1].end
    if all(u.reading.kind in (LETTER, FACE, ACCENT, GONE, DIGIT, SIGN) for u in core):
        letters = "".join(u.reading.look for u in core if u.reading.kind != GONE)
        plain = all(u.reading.kind in (LETTER, GONE) for u in core)
        form = index.misspelt.get(letters) or (index.sounds.get(sound(letters)) if len(letters) > 4 else None)
        if (
            form is not None
            and not (letters in innocent() or letters in common() or letters in index.words or letters in index.allow)
            and (plain or key(letters) not in innocent_keys())
        ):
            return [Hit(start, end, form, frozenset({"respelt"}))]
    form = masked(index, core)
    return [] if form is None else [Hit(start, end, form, frozenset({"masked"}))]


def _trim(units: Sequence[Unit]) -> Sequence[Unit]:
    first, last = 0, len(units)
    while last > first and units[last - 1].reading.plain in "!?.,:;)]}>\"'’”»…":
        last -= 1
    while first < last and units[first].reading.plain in "([{<\"'‘“«¿¡":
        first += 1
    return units[first:last]
