"""Ways in which people hide a word, one function a family: our own, made by rule, for the gate and the command.

Each takes a word and a `random.Random` and gives it disguised.  No row of an evaluation set stands here.
"""

from __future__ import annotations

import random
from collections.abc import Callable

Disguise = Callable[[str, random.Random], str]
_SMALL = dict(zip("abcdefghijklmnopqrstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ", strict=True))
_SUPER = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
_TURNED = dict(zip("abcdefghijklmnopqrstuvwxyz", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz", strict=True))
_CJK = dict(zip("abcdefghijklmnoprstuvwxyz", "卂乃匚ᗪ乇千Ꮆ卄丨ﾌҜㄥ爪几ㄖ卩尺丂ㄒㄩᐯ山乂ㄚ乙", strict=True))
_MONEY = dict(zip("abcdefghiklmnoprstuwy", "₳฿¢Đ€₣₲Ħł₭£₥₦ø₱®$₮µ₩¥", strict=True))
_CHEROKEE = dict(zip("abcdefghijklmnoprstuvwyz", "ᎪᏏᏟᎠᎬᎰᏀᎻᎥᎫᏦᏞᎷᏁᎾᏢᏒᏚᎢᏌᏙᎳᎩᏃ", strict=True))
_SYLLABICS = dict(zip("abcdefghijklmnoprstuvwxy", "ᗩᗷᑕᗪEᖴGᕼIᒍKᒪᗰᑎOᑭᖇᔕTᑌᐯᗯ᙭Y", strict=True))
_YI = dict(zip("abcdefghijklmnopqrstuvwxyz", "ꋬꃳꉔ꒯ꏂꊰꍌꁝ꒐꒻ꀘ꒒ꂵꋊꄲꉣꆰꋪꇙ꓄꒤꒦ꅐꉧꌦꁴ", strict=True))
_ETHIOPIC = dict(zip("abcdefghijkmnopqrstuwxy", "ልጌርዕቿቻኗዘጎጋጕጠክዐየዒዪነፕሁሠሸሃ", strict=True))
_ITALIC = dict(zip("abcdefhkmnoprstuxy", "𐌀𐌁𐌂𐌃𐌄𐌅𐋅𐌊𐌌𐌍Ꝋ𐌐𐌓𐌔𐌕𐌵𐋄𐌙", strict=True))
_EMOJI = {"a": "🅰", "b": "🅱", "o": "⭕", "p": "🅿", "i": "ℹ", "s": "💲", "t": "✝", "x": "❌", "m": "Ⓜ"}


def table(letters: dict[str, str]) -> Disguise:
    """Each letter by the one that the table gives."""
    return lambda word, rng: "".join(letters.get(c, c) for c in word)


def between(parts: str) -> Disguise:
    """One of `parts` between the letters."""
    return lambda word, rng: rng.choice(parts).join(word)


def joined(separator: str) -> Disguise:
    """`separator` between the letters."""
    return lambda word, rng: separator.join(word)


def split_word(word: str, rng: random.Random) -> str:
    """A space somewhere."""
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + " " + word[at:]


def swapped(word: str, rng: random.Random) -> str:
    """Two neighbours changed."""
    at = rng.randrange(1, len(word) - 2) if len(word) > 4 else 1
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def no_vowels(word: str, rng: random.Random) -> str:
    """Its consonants."""
    return word[0] + "".join(c for c in word[1:] if c not in "aeiou")


def stars(word: str, rng: random.Random) -> str:
    """First and last letter."""
    return word[0] + "*" * (len(word) - 2) + word[-1]


def two_stars(word: str, rng: random.Random) -> str:
    """Two letters struck out."""
    at = rng.randrange(1, max(2, len(word) - 2))
    return word[:at] + "**" + word[at + 2 :] if len(word) > 4 else word[0] + "**" + word[-1]


def struck(sign: str) -> Disguise:
    """A vowel struck out by `sign`."""

    def strike(word: str, rng: random.Random) -> str:
        at = next((i for i in range(1, len(word)) if word[i] in "aeiou"), 1)
        return word[:at] + sign + word[at + 1 :]

    return strike


def every_second_zero_width(word: str, rng: random.Random) -> str:
    """Zero-width spaces."""
    return "".join(c + "\u200b" * (i % 2) for i, c in enumerate(word))


def leet(word: str) -> str:
    """Digits for vowels."""
    return word.translate(str.maketrans("aeios", "43105"))


def leet_spaced(word: str, rng: random.Random) -> str:
    """Digits, letter by letter."""
    return " ".join(leet(word))


def leet_dotted(word: str, rng: random.Random) -> str:
    """Digits, between stops."""
    return ".".join(leet(word))


def stretched_leet(word: str, rng: random.Random) -> str:
    """Digits, one of them stretched."""
    at = rng.randrange(1, len(word) - 1)
    seen = leet(word)
    return seen[:at] + seen[at] * 4 + seen[at + 1 :]


def homoglyph_spaced(word: str, rng: random.Random) -> str:
    """Cyrillic letters, spaced out."""
    return " ".join(word.translate(str.maketrans("aceopxyiskt", "асеорхуіѕкт")))


def accents_stretched(word: str, rng: random.Random) -> str:
    """Accents, the second letter stretched."""
    return "".join(c + rng.choice("\u0301\u0308\u0327") + (c * 2 if i == 1 else "") for i, c in enumerate(word))


def emoji_between(word: str, rng: random.Random) -> str:
    """An emoji between the letters."""
    return rng.choice("👏🔥😂💀").join(word)


def emoji_inside(word: str, rng: random.Random) -> str:
    """An emoji for a vowel."""
    at = next((i for i in range(1, len(word)) if word[i] in "aeiou"), 1)
    return word[:at] + rng.choice("🔥💩🌟❤") + word[at + 1 :]


def percent(word: str, rng: random.Random) -> str:
    """One letter as in a URL."""
    at = rng.randrange(len(word))
    return word[:at] + f"%{ord(word[at]):02x}" + word[at + 1 :]


def escaped(word: str, rng: random.Random) -> str:
    """Every second letter as in JSON."""
    return "".join(f"\\u{ord(c):04x}" if i % 2 else c for i, c in enumerate(word))


def in_a_row(word: str, rng: random.Random) -> str:
    """Between other words."""
    return "you" + word + "face"


def doubled(word: str, rng: random.Random) -> str:
    """Every letter twice."""
    return "".join(c * 2 for c in word)


def tagged(word: str, rng: random.Random) -> str:
    """One letter in a tag."""
    at = rng.randrange(1, len(word))
    return word[:at] + "[b]" + word[at] + "[/b]" + word[at + 1 :] if at < len(word) else word


def commented(word: str, rng: random.Random) -> str:
    """A comment inside."""
    return word[:2] + "<!-- x -->" + word[2:]


def spanned(word: str, rng: random.Random) -> str:
    """Half of it in a span."""
    return word[:2] + '<span class="a b">' + word[2:] + "</span>"


def inserted(word: str, rng: random.Random) -> str:
    """A letter too many."""
    at = rng.randrange(1, len(word))
    return word[:at] + rng.choice("xzq") + word[at:]


def mistyped(word: str, rng: random.Random) -> str:
    """An inner letter by its neighbour on the keyboard."""
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    at = rng.randrange(1, len(word) - 1)
    row = next(row for row in rows if word[at] in row)
    key = row.index(word[at])
    return word[:at] + rng.choice(row[max(0, key - 1) : key] + row[key + 1 : key + 2]) + word[at + 1 :]


def pig_latin(word: str, rng: random.Random) -> str:
    """Its first consonants at the end, before ay."""
    at = next(i for i, c in enumerate(word) if c in "aeiou")
    return word[at:] + word[:at] + "ay" if at else word + "way"


def infixed(word: str, rng: random.Random) -> str:
    """Rap's izz before the first vowel."""
    at = next(i for i, c in enumerate(word) if c in "aeiou")
    return word[:at] + "izz" + word[at:]


def linked(word: str, rng: random.Random) -> str:
    """Half of it as a link in Markdown."""
    return f"[{word[:2]}](https://example.com/a){word[2:]}"


def split_leet(word: str, rng: random.Random) -> str:
    """Digits, and a space somewhere."""
    return split_word(leet(word), rng)


def split_stretched(word: str, rng: random.Random) -> str:
    """A stretched letter, cut."""
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at] * 3 + " " + word[at:]


def one_bracketed(word: str, rng: random.Random) -> str:
    """One letter in brackets."""
    at = rng.randrange(len(word))
    return f"{word[:at]}({word[at]}){word[at + 1 :]}"


def struck_leet(word: str, rng: random.Random) -> str:
    """Digits, a consonant struck out."""
    at = next(i for i in range(len(word) - 2, 0, -1) if word[i] not in "aeiou")
    seen = leet(word)
    return seen[:at] + rng.choice("*#") + seen[at + 1 :]


def struck_lookalike(word: str, rng: random.Random) -> str:
    """Cyrillic letters, a vowel struck out."""
    return struck(rng.choice("*#%"))(word, rng).translate(str.maketrans("aceopxyiskt", "асеорхуіѕкт"))


def ransom(word: str, rng: random.Random) -> str:
    """Each letter in another style."""
    faces = (
        _SMALL,
        _SUPER,
        {c: chr(0x24D0 + ord(c) - 97) for c in _SMALL},
        {c: chr(0x1D4D0 + 26 + ord(c) - 97) for c in _SMALL},
    )
    return "".join(rng.choice(faces).get(c, c) for c in word)


FAMILIES: dict[str, Disguise] = {
    "small_capitals": table(_SMALL),
    "superscript": table(_SUPER),
    "upside_down": lambda word, rng: "".join(_TURNED[c] for c in reversed(word)),
    "backwards": lambda word, rng: word[::-1],
    "cjk_faces": table(_CJK),
    "money_signs": table(_MONEY),
    "cherokee": table(_CHEROKEE),
    "syllabics": table(_SYLLABICS),
    "emoji_letters": table(_EMOJI),
    "emoji_between": emoji_between,
    "emoji_inside": emoji_inside,
    "one_a_line": joined("\n"),
    "wide_gaps": joined("   "),
    "dots_and_spaces": joined(" . "),
    "ellipsis": joined("…"),
    "quotes": lambda word, rng: "".join(f'"{c}"' for c in word),
    "brackets": lambda word, rng: "".join(f"[{c}]" for c in word),
    "round_brackets": lambda word, rng: "".join(f"({c})" for c in word),
    "odd_signs": between("~^=·¦‧"),
    "mixed_signs": lambda word, rng: "".join(c + rng.choice(".-_~* ") for c in word)[:-1],
    "split_word": split_word,
    "swapped": swapped,
    "no_vowels": no_vowels,
    "stars": stars,
    "two_stars": two_stars,
    "struck_percent": struck("%"),
    "struck_dash": struck("–"),
    "struck_block": struck("█"),
    "struck_underscore": struck("_"),
    "zero_width_some": every_second_zero_width,
    "leet_spaced": leet_spaced,
    "leet_dotted": leet_dotted,
    "stretched_leet": stretched_leet,
    "homoglyph_spaced": homoglyph_spaced,
    "accents_stretched": accents_stretched,
    "percent_coded": percent,
    "escaped": escaped,
    "joined": in_a_row,
    "doubled": doubled,
    "bb_code": tagged,
    "comment_inside": commented,
    "span_inside": spanned,
    "underlined": lambda word, rng: "".join(c + "\u0332" for c in word),
    "overlaid": lambda word, rng: "".join(c + "\u0336" for c in word),
    "enclosing": lambda word, rng: "".join(c + "\u20dd" for c in word),
    "hair_spaces": joined("\u200a"),
    "filler": joined("\u3164"),
    "braille_blank": joined("\u2800"),
    "ransom": ransom,
    "inserted": inserted,
    "mistyped": mistyped,
    "pig_latin": pig_latin,
    "infixed": infixed,
    "letter_between": joined("x"),
    "spelt_backwards": lambda word, rng: " ".join(reversed(word)),
    "doubled_parted": lambda word, rng: "-".join(c * 2 for c in word),
    "tripled_spaced": lambda word, rng: " ".join(c * 3 for c in word),
    "symbols_between": between("♥☺●✖♪"),
    "linked": linked,
    "made_up_tags": lambda word, rng: "".join(f"<{c}>" for c in word),
    "split_leet": split_leet,
    "split_stretched": split_stretched,
    "one_bracketed": one_bracketed,
    "struck_leet": struck_leet,
    "struck_lookalike": struck_lookalike,
    "yi_syllables": table(_YI),
    "ethiopic": table(_ETHIOPIC),
    "old_italic": table(_ITALIC),
}
WORDS = (
    "fuck",
    "shit",
    "bitch",
    "asshole",
    "nigger",
    "faggot",
    "whore",
    "cunt",
    "bastard",
    "wanker",
    "motherfucker",
    "slut",
)
INNOCENT = (
    "count",
    "class",
    "sheet",
    "finger",
    "orange",
    "pencil",
    "window",
    "kitchen",
    "basement",
    "bottle",
    "duck",
    "shirt",
)
# Under these an innocent word may be written exactly as a bad one is: c_unt, sht, b******t.
LOSING = ("stars", "two_stars", "no_vowels", "emoji_inside", *(name for name in FAMILIES if name.startswith("struck")))
CARRIERS = ("{}", "you are a {} and that is all", "what a {}!", "I think this {} was late, again.")
ROUNDS = 2


def rows(name: str, words: tuple[str, ...]) -> list[str]:
    """Every word under one disguise, in a few carriers; the same on every run."""
    rng = random.Random(name)
    return [rng.choice(CARRIERS).format(FAMILIES[name](word, rng)) for word in words for _ in range(ROUNDS)]


# As people write them by hand; none is made by a family above.
HUMAN = (
    "fuk you", "what the fck", "phuck off", "fuq this", "effing fvck", "f@ck", "fu*k it", "f***ing hell", "fuuuuuck",
    "sh1t", "sh*t happens", "bullsh!t", "shyt", "shiiiit", "b!tch", "biatch", "beeyotch", "b1tches", "biotch",
    "@sshole", "a$$hole", "azzhole", "assh0le", "a**hole", "c*nt", "kunt", "cnut", "n1gger", "n!gga", "nigg@", "f@ggot",
    "fagg0t", "wh0re", "hoar and whoar", "sl*t", "slutt", "tw@t", "w@nker", "wankr", "b@stard", "basterd", "d1ckhead",
    "dikhead", "motherfuker", "mothafucka", "muthafucker", "mofo", "c0cksucker", "koksucker", "retrad", "r3tard",
    "bollox",
)  # fmt: skip
