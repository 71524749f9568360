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
    "a": "ДдаӓӑλΛΔάɐɒ卂丹ค₳ᗩᗅልꍏΑαⲀᴬªᵃₐ∀ᏗᎪƛȺⱥ⍺ձåäàáâãǟᄉﾑ🅰ԹმᚨᚣӐꋬꁲሥ𐌀ⴰ⠁",
    "b": "ƅƄ乃฿ßвВъьЬБбβϐ๒ᗷᏏᏰጌꌃɃƀƁɓƂƃ♭ᵇᴮ♝ҍႦᛒխ曰🅱ᑲ꓿日ɮცჩꃳꋰⲂⴱ⠃",
    "c": "匚¢₵ςсСҫҪ⊂⊏ϹϲᑕᑢᒼᏟፈꉓȻȼƇƈᶜ©☾〔ℂ∁ᛈ讠匸ʗርҀҁ८↻૮ᄃꉔꀯꏳეᚲⵛ⠉",
    "d": "ⅾԁժძↁ刀ðÐđĐɖɗƉƊ๔ᗪᗞᎠᎴዕꀷᵈᴰ♪ᛞძḓⅮdԃҩ∂りꀸᕲ꒯ꂠᚦⲆ𐌃ⴷ⠙Δ",
    "e": "乇€єЄеЕэЭѐЀёЁҽҾεξΣΕ∑ɘǝəɛɜ∃ᗴᘿᕮᎬዿꍟɆɇɚᵉᴱₑ℮ℯ∈ᛖ彐巳ԑҿєƎ૯ᏋꏂꈼᛂⲉⲈ𐌄⠑ቿ",
    "f": "千₣ƒғҒғŦϝʄɟᖴᎰቻꎇᶠſʃƑ℉ꜰᚠቾғ下ϜꞘꞙԲｷꊰꄞცᚫⴼ𐌅⠋",
    "g": "ɢ₲ցԌɡǤǥƓɠĝġģǧﻮᎶᏀᘜᎅꁅᵍᴳƃԍ♗ᛩ呂ɠգʛムꍌꁍᚷⳒᏽኗ⠛ⴳ૭",
    "h": "卄hһҺнНђћЋҺհհɦɥⱧⱨĦħᕼᑋᏂꃅʰᴴₕ♄ℎℏнᚺዘんⲎӇӈчЧɧԋҥ廾Ƕꁝꍩꀍⵀ𐋅⠓",
    "i": "❗丨ιіІїЇӀɩıɪ¡ⅈℹ⍳ᎥᏆꀤƗɨᵢⁱᴵ🛈ᛁɿ丨ﺍااןΙӏ工ཞïíìîเꙇⵊﾉ꒐ꂑᓰጎⲓ⠊ἶ",
    "j": "ﾌʝјЈϳנյʲᴶⱼᒍᎫᏠꀭɈɉلᏧڶ丿ﻝ♩ꓙጋʆ꒻ᒚᛃ⠚",
    "k": "Ҝкќ₭КкҟҠҡκΚϰӃӄᛕᏦᛕꀘƘƙₖᵏᴷʞ长ҝ₭кӄズ片ĸꀗᖽጕⴿ𐌊⠅",
    "l": "ㄥ|ℓⅼ∟しɭլʟԼլᒪᏞጊ꒒ȽƚⱠⱡłŁ₤£ˡᴸₗⳐ乚レ⌊ﺎΙן˥ꓶረՆᚳⵍ𐌋Ꮭᛚ⠇",
    "m": "爪мМ₥ʍɱლოⅿ๓ᗰᘻᎷጠꎭᵐᴹₘ♏〽ണოḿ♍๓ოጦ从冊ოოоⲘʬﾶꂵᛗ𐌌ⵎ⠍",
    "n": "几ηПпиИℕՌռնղлЛภηηɲŋŊɳ₦ΝͶᑎᘉᏁክꈤⁿᴺₙ∩ռոɴპო冂ҋทпուŉŋ内ហꋊᚾ𐌍π∏⠝ῆ",
    "o": "Ꮎ口ㄖоОοΟσ○◯●◎⊙⊚⊕⊗ΘθФфѲѳөӨօՕ๏ΩϴɵƟøØᗝᝪᎧዐꂦ◌◍⭕🅾⓪ºᵒᴼₒᵓ♡♥☺☻°ʘѺѻдф◉🌕⚽回ㅇ〇ס০੦○๐のටꄲᓍᛟ⠕",
    "p": "卩рРρΡϱק₱þÞƤƥᑭᕵᎮᏢየꉣᵖᴾₚ♇ᚹ尸ᵽⲢ🅿թקթ户屮ƿｱᖘ𐌐ⵒ⠏",
    "q": "ԛԚգզφợɋʠⵕᑫᕴዒꆰǪ۹QႳ९ᑴ♀ゐꁷ⠟",
    "r": "尺гГяЯʀřɍɌгɾɹɻгᖇᖆᏒᎡዪꋪʳᴿᵣℝℜгѓґҐΓⲄᚱ厂ｒԻɼ®㐅རՐ૨འꌅ𐌓⠗",
    "s": "💲丂ѕЅ₴$§ֆšşςᏕᎦᔕꌗˢₛȿƧƨʂʃ∫รᛊ弓ƽຣ5ട๖ѕടϚངઽꇙꌚནነⲊⵢ𐌔⠎ᔆ",
    "t": "✝ㄒтТτΤ₮ŧŦ丅╦⊤⊥†‡ｔʇƬƭȾᵗᴛᵀₜᏖᎢፕ꓄ՇէեҬҭ七ԵナƮʈｲᛏ♱✝丁十✞☂☨੮Ͳꋖᖶⵜ⠞",
    "u": "ㄩ凵υՍսцЦμµʋʊบยցսᑌᘮᏌሁꀎŲɄʉᵘᵁᵤ∪⊔นմúûüùນԱⴎ∐௶Աひᑘ꒤ꐇᏬᚢὗⵡ⠥𐌵",
    "v": "∨√νѵѴᐯᏉᎥꃴᵛⱽᵥ٧ʌ✓✔☑Ʋ♈۷ⱱⅴѷ౮Ỽ꒦ꀰᐺⲮᚡᕓⶸ⠧ש",
    "w": "山ωшШщЩώѡѠա₩ʍɯผฬᗯᘺᏇᎳሠꅏʷᵂⱳшѿ业ఎຟധԜԝ屮ЩพచꅐᚥⲰⱲ⠺",
    "x": "❎乂хХχΧ×✕✖✗✘☓⨯⨉╳ҳӼ᙭᙮ⅹꊼˣₓ❌⚔✘※ⲬӿאㄨメჯӾҲｘ૪ጀꉧꇒᛪሸЖж⠭",
    "y": "ㄚуУγΥүҮүЎўʏʎ¥ɏɎƳƴᎩᎽሃꌩʸᵧץყұҰ¥ӳ丫リⲨϓყץעӋꌦꐞվᛦⲩ⠽",
    "z": "乙ʐƵƶȤȥʑᘔᏃጊꁴᶻᴢ☡ꜩⱫⱬʒƷՀչ已ꙀʓઽᗱⲌᛉⵣ⠵ፚ",
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
