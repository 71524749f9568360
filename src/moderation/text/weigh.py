"""Is what stands at one place of a line to be read as a term?  Weighs how near its letters are, what touches them,
and the innocent words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from moderation.text.index import Form, Index
from moderation.text.lines import Line
from moderation.text.normalise import Unit
from moderation.text.readings import ACCENT, DIGIT, FACE, GONE, NATIVE, SIGN, Reading
from moderation.text.spelling import distance, drawn_out, key, squash
from moderation.text.words import common, innocent, innocent_keys, innocent_squashed

BESIDE = 30  # letters beside a match that are looked at
_OPEN = frozenset(("s", "es", "ed", "er", "ers", "in", "ing", "y"))
_JOINERS = ("s", "ed", "er", "ers", "ing", "in", "y")
_NONE: frozenset[str] = frozenset()


class Candidate:
    """Letters [first, last) of a line, whose key is that of a term.  `runs`: where the runs of the key begin, and the
    end; `left` and `right`: the letters that touch it; `gaps`: signs or spaces part it; `address`: in a web address;
    `seen`: its letters."""

    __slots__ = (
        "_apart",
        "_kinds",
        "_pieces",
        "_singles",
        "address",
        "first",
        "gaps",
        "last",
        "left",
        "line",
        "places",
        "right",
        "runs",
        "seen",
    )

    def __init__(
        self,
        line: Line,
        first: int,
        last: int,
        runs: Sequence[int],
        left: str,
        right: str,
        gaps: bool,
        address: bool,
    ) -> None:
        self.line, self.first, self.last, self.runs = line, first, last, runs
        self.left, self.right, self.gaps, self.address = left, right, gaps, address
        self.seen, self.places = line.letters[first:last], line.places
        self._kinds: list[int] | None = None
        self._pieces: tuple[str, ...] | None = None
        self._singles: bool | None = None
        self._apart: tuple[str, str] | None = None

    def beside(self, left: str, right: str) -> Candidate:
        """The same with other letters beside it."""
        return Candidate(self.line, self.first, self.last, self.runs, left, right, self.gaps, self.address)

    def units(self) -> Sequence[Unit]:
        return self.line.units[self.places[self.first] : self.places[self.last - 1] + 1]

    def pieces(self) -> tuple[str, ...]:
        """The match, cut at its gaps."""
        if self._pieces is None:
            letters, pieces, at = self.line.letters, [], self.first
            _, ends = self.line.segments
            while at < self.last:
                end = min(ends[at], self.last)
                pieces.append(letters[at:end])
                at = end
            self._pieces = tuple(pieces)
        return self._pieces

    def singles(self) -> bool:
        """Is it spelt letter by letter, or with copies of each?"""
        if self._singles is None:
            pieces = self.pieces()
            self._singles = len(pieces) > 2 and all(len(p) == 1 or p == p[0] * len(p) for p in pieces)
        return self._singles

    def apart(self) -> tuple[str, str]:
        """What stands beside a match that is spelt letter by letter."""
        if self._apart is None:
            self._apart = _beside_singles(self)
        return self._apart

    def kinds(self) -> list[int]:
        """The kind of character behind each letter."""
        if self._kinds is None:
            units = self.line.units
            self._kinds = [units[place].reading.kind for place in self.places[self.first : self.last]]
        return self._kinds


class _Likeness(NamedTuple):
    """Odd choices of letter, and whether letters are stretched."""

    odd: int
    stretched: bool


_ALIKE = _Likeness(0, False)


def weigh(index: Index, form: Form, spot: Candidate) -> frozenset[str] | None:
    """How the term was hidden, where `spot` is to be read as `form`; else None."""
    like = _likeness(form, spot)
    if like is None or not _is_fair(form, spot, like):
        return None
    if spot.gaps:
        if spot.singles():
            spot = spot.beside(*spot.apart())
        elif not _is_cut_up(form, spot, like.odd):
            return None
    if form.latin and _is_another_word(index, form, spot, like):
        return None
    if not fits(index, form, spot.left, spot.right, address=spot.address):
        return None
    return _tags(spot, like)


def likely(index: Index, forms: Iterable[Form], spot: Candidate, latin: bool) -> list[Form]:
    """Those of `forms`, of this script, that `weigh` may find: at a glance at the letters, their gaps and what touches
    them."""
    gaps, address, left, right = spot.gaps, spot.address, spot.left, spot.right
    cut_up = False
    if gaps:
        if _is_broken(index, spot):
            return []
        if spot.singles():
            left, right = spot.apart()
        else:
            cut_up = True
    squashed = squash(spot.seen) if latin else ""
    found: list[Form] = []
    for form in forms:
        if form.latin is not latin or (latin and not form.loose and form.squashed != squashed):
            continue
        term = form.term
        if (left and (address or not form.inside)) or (right and (address or term.boundary == "word")):
            continue  # what touches it is never allowed
        if cut_up and (
            len(form.letters) < 4
            or ((term.severity == "mild" or term.maybe or term.language != "en") and form.parts != spot.pieces())
        ):
            continue  # no such word is cut up
        found.append(form)
    return found


def _is_broken(index: Index, spot: Candidate) -> bool:
    """Is what signs or spaces part no word cut up, whatever the term?"""
    if spot.address:
        return True
    if spot.singles():
        return spot.seen.endswith("c") and spot.seen + "k" in index.words  # "f, u, c and so on"
    return bool(spot.left or (spot.right and spot.right not in _JOINERS))


def _likeness(form: Form, spot: Candidate) -> _Likeness | None:
    """How near the letters are; None where they are too far."""
    term, seen = form.term, spot.seen
    if not form.latin or seen == form.letters:
        return _ALIKE
    if not form.loose and squash(seen) != form.squashed:
        return None
    odd, stretched = _distance(form, spot)
    if odd > most_odd(form) or (odd and spot.address):
        return None
    known_long = term.wild or (term.language == "en" and len(form.letters) > 4)
    return None if stretched and not known_long and not drawn_out(seen) else _Likeness(odd, stretched)


def most_odd(form: Form) -> int:
    """How many odd letters are allowed in the form at most."""
    return 3 if form.term.wild else int(form.loose)


def _is_fair(form: Form, spot: Candidate, like: _Likeness) -> bool:
    """Do the signs, digits and foreign letters of the match allow it to be read as letters?"""
    line, wild = spot.line, form.term.wild
    if line.drawn and not wild and _paired(spot):
        return False
    if line.foreign and (like.odd or not wild or spot.left or spot.right):
        return False
    return not line.tags or _lettered(spot, wild)


def _is_another_word(index: Index, form: Form, spot: Candidate, like: _Likeness) -> bool:
    """Too far from the term for where it stands, or known as another word."""
    left, seen, right = spot.left, spot.seen, spot.right
    joined = bool(left or right)
    if like.odd > allowed(form.letters, left, right):
        return True
    whole = left + seen + right
    exact = not like.odd and not like.stretched and not joined
    plain = not (like.odd or like.stretched or spot.line.tags or spot.gaps)
    if (not exact or len(form.parts) > 1 or whole in index.allow) and _is_innocent(
        index, form, whole, seen, joined=joined, plain=plain
    ):
        return True
    if like.stretched and joined and squash(whole) in innocent_squashed():
        return True
    drawn = spot.line.drawn
    return (not exact and whole in common()) or (bool(drawn) and (drawn in common() or drawn in innocent()))


def _paired(spot: Candidate) -> bool:
    """Is a pair of ordinary letters read as one of them, as rn for m?"""
    return any(u.reading.kind == SIGN and u.reading.plain.isalpha() for u in spot.units())


def _lettered(spot: Candidate, wild: bool) -> bool:
    """Enough real letters, or signs that nobody writes as numbers, to read digits as letters."""
    kinds = spot.kinds()
    digits, signs = kinds.count(DIGIT), kinds.count(SIGN)
    letters = len(kinds) - digits - signs
    if wild:
        return letters > 0 or signs >= digits
    return letters >= 2 or (letters > 0 and len(kinds) < 4) or not digits + signs


def _distance(form: Form, spot: Candidate) -> tuple[int, bool]:
    """Distance of what is written, a sign or digit counting as any letter that it may stand for."""
    letters, units, places = spot.line.letters, spot.line.units, spot.places
    seen: list[str] = []
    for meant, begin, end in zip(form.runs, spot.runs[:-1], spot.runs[1:], strict=True):
        got = letters[begin:end]
        if len(meant) == len(got) and meant != got:
            at = zip(meant, got, places[begin:end], strict=True)
            got = "".join(m if _may_be(units[place].reading, m) else g for m, g, place in at)
        seen.append(got)
    return distance(form.runs, seen)


def _may_be(reading: Reading, letter: str) -> bool:
    return reading.kind in (FACE, NATIVE) or (reading.kind in (DIGIT, SIGN) and letter in reading.other)


def allowed(word: str, left: str, right: str) -> int:
    """Odd letters allowed in `word`; none where other letters than an ending touch it."""
    if left or (right and not _ending(word, right, _OPEN)):
        return 0
    size = len(word)
    return 1 if size < 6 else 2 if size < 9 else 3


def _beside_singles(spot: Candidate) -> tuple[str, str]:
    """The letters that stand alone before and after a match spelt letter by letter; wider gaps part words."""
    line, places, first, last = spot.line, spot.places, spot.first, spot.last
    width = max(b - a for a, b in pairwise(places[first:last]))
    begin, end = first, last
    while begin > max(0, first - BESIDE) and _alone(line, begin - 1) and places[begin] - places[begin - 1] <= width:
        begin -= 1
    most = min(len(line.letters), last + BESIDE)
    while end < most and _alone(line, end) and places[end] - places[end - 1] <= width:
        end += 1
    left, right = line.letters[begin:first], line.letters[last:end]
    return ("" if left in ALONE else left), ("" if right in ALONE else right)


ALONE = ("a", "i", "u")  # words of one letter


def _alone(line: Line, at: int) -> bool:
    """Is the letter at `at` by itself, or with copies of it?"""
    begins, ends = line.segments
    begin, end = begins[at], ends[at]
    return end - begin == 1 or line.letters[begin:end] == line.letters[at] * (end - begin)


def _is_cut_up(form: Form, spot: Candidate, odd: int) -> bool:
    """May a word in `pieces` be read as one?  Only whole pieces, and not when each piece is a word of its own."""
    if spot.left or odd or len(form.letters) < 4 or (spot.right and spot.right not in _JOINERS):
        return False
    pieces = spot.pieces()
    if form.parts == pieces:
        return True
    term = form.term
    if term.severity == "mild" or term.maybe or term.language != "en":
        return False
    if len(pieces) > max(3, len(form.letters) - 1):
        return False
    at = spot.places[spot.first]
    if at and len(pieces[0]) == 1 and spot.line.units[at - 1].reading.plain in ("'", "’", "`"):
        return False  # "it's hit" is not a word cut in two
    if drawn_out(spot.seen) and not any(a[-1] == b[0] for a, b in pairwise(pieces)):
        return False  # "shhh it is late"
    dressed = all(u.reading.plain in _DRESS or u.reading.look for u in spot.units())
    return not all(
        _is_word(piece, last=len(pieces) == 2 and piece == pieces[-1])
        and not (len(piece) == 1 and (dressed or (i and len(pieces[i - 1]) == 1 and piece not in ALONE)))
        for i, piece in enumerate(pieces)
    )


_DRESS = frozenset("()[]{}*_~`")  # brackets and marks of Markdown: no word ends at them


def _is_word(piece: str, *, last: bool) -> bool:
    return piece in common() or (len(piece) == 1 and (last or piece not in "fcknbwp"))


_INFLECTED = ("s", "y", "es", "ed", "ing", "er", "ers", "ly", "ness")


def _is_innocent(index: Index, form: Form, whole: str, seen: str, *, joined: bool, plain: bool) -> bool:
    """Is `whole`, or what it is an inflection of, a word that is known to be innocent?"""
    if whole in innocent() or whole in index.allow:
        return True
    for excuse in index.excuses.get(whole[:2], ()):
        if whole.startswith(excuse) and form.letters in excuse:
            return True
    if whole.endswith(_INFLECTED):
        for ending in _INFLECTED:
            if whole.endswith(ending) and len(whole) - len(ending) > len(seen) and whole[: -len(ending)] in innocent():
                return True
    return joined and not plain and key(whole) in innocent_keys()


def fits(index: Index, form: Form, left: str, right: str, *, address: bool = False) -> bool:
    """Does the boundary of the term allow the letters that touch the match?"""
    boundary = form.term.boundary
    if not left and not right:
        return True
    if boundary == "anywhere" or address:
        return boundary == "anywhere" and not address
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


def is_ending(index: Index, form: Form, right: str) -> bool:
    """Do the letters after the form inflect it?"""
    return form.term.boundary in ("inflect", "compound") and _ending(
        form.letters, right, index.endings.get(form.term.language, _NONE)
    )


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
    if size >= BESIDE:
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
            if bad or (part in words and (j - i > 2 or part in _SHORT)) or (not i and part in _FRONTS):
                reach[j] = True
                after_word[j] = after_word[j] or bad
            elif after_word[i] and part in _TAILS:
                reach[j] = True
    return reach[-1]


_SHORT = frozenset(
    ("go", "he", "im", "in", "is", "it", "me", "my", "no", "of", "oh",
     "on", "so", "to", "up", "ur", "we")
)  # fmt: skip
_FRONTS = frozenset(("super", "mega", "ultra", "uber", "hyper", "giga", "turbo", "mecha", "pseudo", "anti", "ex"))
_TAILS = frozenset(
    ("a", "ah", "ahs", "as", "asaurus", "az", "bag", "bags", "bandit", "bird", "blimp",
     "brain", "bunny", "dip", "ed", "elope", "er", "ers", "es", "face", "fest", "ful",
     "gobbler", "hat", "head", "hed", "hole", "in", "ing", "ish", "lick", "licker", "lord",
     "muncher", "nugget", "nut", "s", "stain", "ster", "stick", "sucker", "tard", "tastic", "wad",
     "whit", "wit", "y", "z", "zilla")
)  # fmt: skip


def _tags(spot: Candidate, like: _Likeness) -> frozenset[str]:
    kinds = {u.reading.kind for u in spot.units()}
    latin = spot.line.letters.isascii()
    tags = set(spot.line.tags - {"leet"})
    if FACE in kinds or (NATIVE in kinds and latin):
        tags.add("lookalike")
    if ACCENT in kinds and latin:
        tags.add("accent")
    if "leet" in spot.line.tags and (DIGIT in kinds or SIGN in kinds):
        tags.add("leet")
    if GONE in kinds:
        tags.add("invisible")
    if spot.gaps:
        tags.add("spaced")
    if like.stretched:
        tags.add("stretched")
    if like.odd:
        tags.add("respelt")
    return frozenset(tags)
