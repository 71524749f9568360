"""Compiles `src/moderation/text/lookalikes.txt`: which character looks like which Latin letter.

Joins the UTS #39 confusables (from the PyPI package `confusable-homoglyphs`) with the hand-kept faces below.
Run: `python lexicon_sources/build_lookalikes.py CONFUSABLES_JSON`, then commit the file it writes.
"""

from __future__ import annotations

import json
import string
import sys
import unicodedata
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "src" / "moderation" / "text" / "lookalikes.txt"

# Letters that people write as a face for a Latin one, although UTS #39 does not list them: other alphabets chosen for
# their outline, upside-down letters, money signs, emoji.  One string of faces a letter; what looks like two letters
# stands under both of them in `PAIRS`.
FACES = {
    "a": "ДдаӓӑλΛΔάɐɒ卂丹ค₳ᗩᗅልꍏΑαⲀᴬªᵃₐ∀ᏗᎪƛȺⱥ⍺ձåäàáâãǟ∂ᄉﾑ🅰ԹმᚨᚣӐ",
    "b": "ƅƄ乃฿ßвВъьЬБбβϐ๒ᗷᏏᏰጌꌃɃƀƁɓƂƃ♭ᵇᴮ♝ҍႦᛒխ曰🅱ᑲ꓿日",
    "c": "匚¢₵ςсСҫҪ⊂⊏ϹϲᑕᑢᒼᏟፈꉓȻȼƇƈᶜ©☾〔ℂ∁ᛈ讠匸ʗርҀҁ",
    "d": "ⅾԁժძↁ刀ðÐđĐɖɗƉƊ๔ᗪᗞᎠᎴዕꀷᵈᴰ♪ᛞძḓⅮdԃҩ∂",
    "e": "乇€єЄеЕэЭѐЀёЁҽҾεξΣΕ∑ɘǝəɛɜ∃ᗴᘿᕮᎬዿꍟɆɇɚᵉᴱₑ℮ℯ∈ᛖ彐巳ԑҿєƎ",
    "f": "千₣ƒғҒғŦϝʄɟᖴᎰቻꎇᶠſʃƑ℉ꜰᚠቾғ下ϜꞘꞙ",
    "g": "ɢ₲ցԌɡǤǥƓɠĝġģǧﻮᎶᏀᘜᎅꁅᵍᴳƃԍ♗ᛩ呂ɠգʛ",
    "h": "卄hһҺнНђћЋҺհհɦɥⱧⱨĦħᕼᑋᏂꃅʰᴴₕ♄ℎℏнᚺዘんⲎӇӈчЧɧԋҥ廾",
    "i": "❗丨ιіІїЇӀɩıɪ¡ⅈℹ⍳ᎥᏆꀤƗɨᵢⁱᴵ🛈ᛁɿ丨ﺍااןΙӏ工ཞïíìîเꙇⵊ",
    "j": "ﾌʝјЈϳנյʲᴶⱼᒍᎫᏠꀭɈɉلᏧڶ丿ﻝ♩ɾ",
    "k": "Ҝкќ₭КкҟҠҡκΚϰӃӄᛕᏦᛕꀘƘƙₖᵏᴷʞ长ҝ₭кӄズ片ĸ",
    "l": "ㄥ|ℓⅼ∟しɭլʟԼլᒪᏞጊ꒒ȽƚⱠⱡłŁ₤£ˡᴸₗⳐ乚レ⌊ﺎΙן˥ꓶ",
    "m": "爪мМ₥ʍɱლოⅿ๓ᗰᘻᎷጠꎭᵐᴹₘ♏〽ണოḿ♍๓ოጦ从冊ოოоⲘʬ",
    "n": "几ηПпиИℕՌռնղлЛภηηɲŋŊɳ₦ΝͶᑎᘉᏁክꈤⁿᴺₙ∩ռոɴპო冂ҋทпուŉŋ内",
    "o": "Ꮎ口ㄖоОοΟσ○◯●◎⊙⊚⊕⊗ΘθФфѲѳөӨօՕ๏ΩϴɵƟøØᗝᝪᎧዐꂦ◌◍⭕🅾⓪ºᵒᴼₒᵓ♡♥☺☻°ʘѺѻдф◉🌕⚽回ㅇ〇ס০੦○๐",
    "p": "卩рРρΡϱק₱þÞƤƥᑭᕵᎮᏢየꉣᵖᴾₚ♇ᚹ尸ᵽⲢ🅿թקթ户屮",
    "q": "ԛԚգզφợɋʠⵕᑫᕴዒꆰǪ۹QႳ९ᑴ♀",
    "r": "尺гГяЯʀřɍɌгɾɹɻгᖇᖆᏒᎡዪꋪʳᴿᵣℝℜгѓґҐΓⲄᚱ厂ｒԻɼ®㐅ར",
    "s": "💲丂ѕЅ₴$§ֆšşςᏕᎦᔕꌗˢₛȿƧƨʂʃ∫รᛊ弓ƽຣ5ട๖ѕട",
    "t": "✝ㄒтТτΤ₮ŧŦ丅╦⊤⊥†‡ｔʇƬƭȾᵗᴛᵀₜᏖᎢፕ꓄ՇէեҬҭ七ԵナƮʈｲᛏ♱✝丁十✞☂☨",
    "u": "ㄩ凵υՍսцЦμµʋʊบยցսᑌᘮᏌሁꀎŲɄʉᵘᵁᵤ∪⊔นմúûüùນԱⴎ∐௶Աひ",
    "v": "∨√νѵѴᐯᏉᎥꃴᵛⱽᵥ٧ʌ✓✔☑Ʋ♈۷ⱱⅴѷ",
    "w": "山ωшШщЩώѡѠա₩ʍɯผฬᗯᘺᏇᎳሠꅏʷᵂⱳшѿ业ఎຟധԜԝ屮Щพ",
    "x": "❎乂хХχΧ×✕✖✗✘☓⨯⨉╳ҳӼ᙭᙮ⅹꊼˣₓ❌⚔✘※ⲬӿאㄨメჯӾҲｘ",
    "y": "ㄚуУγΥүҮүЎўʏʎ¥ɏɎƳƴᎩᎽሃꌩʸᵧץყұҰ¥ӳ丫リⲨϓყץ",
    "z": "乙ʐƵƶȤȥʑᘔᏃጊꁴᶻᴢ☡ꜩⱫⱬʒƷՀչ已Ꙁʓ",
}
PAIRS = {"🆎": "ab", "æ": "ae", "œ": "oe", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ĳ": "ij", "ю": "io", "ы": "bi", "₨": "rs"}


def main(source: str) -> None:
    confusables: dict[str, list[dict[str, str]]] = json.loads(Path(source).read_text(encoding="utf-8"))
    faces: dict[str, str] = {}
    for shown in string.ascii_letters:
        for entry in confusables.get(shown, ()):
            if len(entry["c"]) == 1:
                faces.setdefault(entry["c"], shown.lower())
    for letter in string.ascii_lowercase:
        for face in FACES[letter]:
            faces.setdefault(face, letter)  # UTS #39 knows better where it knows the character
    faces.update(PAIRS)
    rows: dict[str, list[str]] = {}
    for face, letter in faces.items():
        if face.isascii() or _derivable(face, letter):
            continue
        rows.setdefault(letter, []).append(face)
    lines = ["# Which character looks like which Latin letter: letters, a tab, the characters.", "# See NOTICE."]
    lines += [f"{letter}\t{''.join(sorted(rows[letter]))}" for letter in sorted(rows)]
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{sum(map(len, rows.values()))} characters in {OUT}")


def _derivable(face: str, letter: str) -> bool:
    """True where Unicode's own decomposition already says so, and the table need not."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", face).casefold() if not unicodedata.combining(c))
    return plain == letter


if __name__ == "__main__":
    main(sys.argv[1])
