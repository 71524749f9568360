"""Looks for the texts that take the filter longest: `python -m tests.text.worst [seconds] [seed]`.

A recipe is a short row of scraps of every kind of disguise, contact, link and script.  A text is its recipe again and
again to 5,000 characters, with other letters each time, so that nothing can be remembered.  The search changes one
scrap of a recipe or joins two recipes, and goes on with what takes most processor time.  The tests count steps
instead, which are the same on every machine.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from moderation.text.lexicon import load
from moderation.text.links import find_links
from moderation.text.matcher import Matcher, compile_lexicon
from moderation.text.redact import find_contacts
from moderation.text.words import common

LENGTH = 5_000
OTHERS: dict[str, Sequence[str]] = {
    "?": "abcdefghijklmnopqrstuvwxyz",
    "#": "0123456789",
    "ы": "абвгдежзийклмнопрстуфхцчшщьэюя",
    "é": "áàâãäåçèêëìíîïñòóôõöøùúûüýßœæščřžąęłńś",
    "한": [chr(code) for code in range(0xAC00, 0xD7A4)],
    "的": [chr(code) for code in range(0x4E00, 0x9FA6)],
    "§": sorted({term.text for term in load().terms}),
    "¶": sorted(common()),
}
"""To a character of a scrap what becomes of it, another each time: a letter, a digit, a listed or an ordinary word."""
_ROWS = """
fuck shit cunt bitch nigger faggot asshole motherfucker bastard wanker ass cock crap tit
f.u.c.k f-u-c-k f*ck sh!t m*****f***er b!tch 5h1t a$$ @$$h0le fvck phuck fuuuck fcuk kcuf uckfay fxuxcxk
|-| |_| \\/\\/ |< () /\\/ 13 rn vv cl |) ]-[ ph 7 4 @ $ ! | * + ( [ < . - _ / : ' , # %
fuсk сука блядь хуй п.и.з.д.а ѕhіt ʞɔnɟ ɐss ﬀ ｆｕｃｋ Ⓕⓤⓒⓚ
操你妈 傻逼 。 씨발 くそ كس मादरचोद kurwa merde puta
f\u0301u e\u0336 \u200b \u202ekcuf\u202c <b> </b> &#102; [u] %66 <f><u> ](x) the it head ing er face pen is
? ?? ??? ? . a@? ?@b.cc a(at) -at- _dot_ (dot) dot at ##### +49 ### 0## one two call
?.com www. hxxp:// пр?.com /? [.] dot.com :// bit.ly/? ыы.рф 的.com é?.de
§ § § ¶ ¶ § §s ¶§ é? ы ыыы 한 한한 的 的的 é¶ ?¶ ¶. ¶,§ x§ §ing @¶ ##§ §* ♥ 😂 👨‍👩‍👧 ░ ʞ ♥? ´ ` ~ ^^ <> \\u006? &#1##;
"""
SCRAPS = (*_ROWS.split(), " ", " ", " ", " ", "  ", "\n", " at ", " dot ")
Recipe = tuple[str, ...]


def text_of(recipe: Sequence[str], length: int = LENGTH) -> str:
    """The recipe again and again to `length` characters, with other letters each time."""
    chance = random.Random(1)
    pieces: list[str] = []
    size = 0
    while size < length:
        for scrap in recipe:
            piece = "".join([chance.choice(OTHERS[c]) if c in OTHERS else c for c in scrap])
            pieces.append(piece)
            size += len(piece)
        if not size:
            break
    return "".join(pieces)[:length]


class Meter:
    """What a text takes for which nothing is remembered."""

    def __init__(self) -> None:
        self.lexicon = load()
        self.index = compile_lexicon(self.lexicon).index
        self.read("f.u.c.k it www.example.com/a")

    def read(self, text: str) -> None:
        self.index.harmless.clear()
        Matcher(self.lexicon, self.index).find(text)
        find_contacts(text)
        find_links.__wrapped__(text)

    def steps(self, text: str) -> int:
        """Calls, of Python and of C functions."""
        self.read(text)  # what single characters are is found out once
        return steps(lambda: self.read(text))

    def seconds(self, text: str, goes: int = 2) -> float:
        """Processor time, the shortest of some goes."""
        times = []
        for _ in range(goes):
            began = time.process_time()
            self.read(text)
            times.append(time.process_time() - began)
        return min(times)


def steps(work: Callable[[], object]) -> int:
    """Calls, of Python and of C functions, that `work` makes."""
    count = 0

    def counted(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def climb(cost: Callable[[str], float], goes: int, seed: int = 1, most: int = 12) -> list[tuple[float, Recipe]]:
    """The dearest recipes that `goes` texts led to, dearest first."""
    chance = random.Random(seed)
    best: list[tuple[float, Recipe]] = []
    for go in range(goes):
        if go < goes // 4 or len(best) < 2:
            recipe: Recipe = tuple(chance.choices(SCRAPS, k=chance.randrange(1, 8)))
        else:
            recipe = _changed(chance, *(made for _, made in chance.sample(best, 2)))
        best = sorted({*best, (cost(text_of(recipe)), recipe)}, reverse=True)[:most]
    return best


def _changed(chance: random.Random, one: Recipe, other: Recipe) -> Recipe:
    """`one` with a scrap more, less or another, or its beginning with the end of `other`."""
    at = chance.randrange(len(one))
    scrap = chance.choice(SCRAPS)
    ways = (
        (*one[:at], scrap, *one[at:]),
        (*one[:at], scrap, *one[at + 1 :]),
        one[:at] + one[at + 1 :] or one,
        one[:at] + other[chance.randrange(len(other)) :] or one,
    )
    return chance.choice(ways)[:12]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    meter = Meter()
    probe = text_of(("f.u.c.k", " ", "????", " "))
    goes = int(seconds / (4 * meter.seconds(probe, 5) + 0.04))
    for _, recipe in climb(meter.seconds, goes, seed):
        text = text_of(recipe)
        print(f"{meter.seconds(text, 9) * 1000:6.1f} ms {meter.steps(text) / LENGTH:6.1f} steps a character  {recipe}")


if __name__ == "__main__":
    main()
