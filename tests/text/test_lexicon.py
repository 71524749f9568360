"""The shipped word lists: they say where they come from, excuse no bad word of another language, and know their own."""

from __future__ import annotations

import pytest

from moderation.text import Filter
from moderation.text.index import form_of
from moderation.text.lexicon import join, load, parse, shipped_lists
from moderation.text.normalise import letters_of
from moderation.text.words import common

FILTER = Filter()
OWN = """
@language en
[insult strong inflect]
numpty, old biddy, flurgay
[insult strong word]
zorky
"""
LISTS = shipped_lists()


@pytest.mark.parametrize("language", LISTS)
def test_every_list_has_terms_and_words_that_show_its_language(language: str) -> None:
    lexicon = LISTS[language]
    assert len(lexicon.terms) >= 100
    assert language == "en" or lexicon.evidence[language]
    assert language == "en" or lexicon.cues[language]


def test_no_allow_term_is_itself_a_bad_word() -> None:
    bad = {
        letters_of(t.text): t.language
        for lexicon in LISTS.values()
        for t in lexicon.terms
        if t.severity != "mild" and not t.maybe and not t.local and " " not in t.text
    }
    excused = [
        f"{a} ({language} excuses {bad[letters_of(a)]})"
        for language, lexicon in LISTS.items()
        for a in lexicon.allow
        if " " not in a and letters_of(a) in bad
    ]
    assert excused == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Le train a du retard ce matin.",
        "Hun ble sambo i fjor og har det bra.",
        "Dette er et viktig fag for meg.",
        "Je kunt dat niet zomaar negeren.",
        "Das ist reine Schlamperei im Amt.",
        "Die FDP und Frau Lüders sind am linken Rand, um da zu bleiben.",
        "Möge der dritte Tag ein Knüller werden.",
        "Putin sprach mit einem kurdischen Aktivisten.",
        "Putin visitó el futuro de la ciudad.",
        "La contraseña fue enviada y la curva es débil.",
        "Tevens is de muis kapot.",
        "Die Mongolei liegt in Asien.",
        "Helvetica är ett typsnitt.",
        "Μογγολία και Κίνα",
        "อิหร่านและอินเดีย",
        "вебархив и Хуехуетенанго",
        "підархітектура процесора",
        "Nigerin tasavalta on Afrikassa.",
        "Daftar putar lagu dan kata sandi",
        "O futuro da mata e a hora do juiz Fux.",
        "Der Ku Klux Klan wurde verboten.",
        "Es un retardo del vuelo y no pasa nada.",
        "De jøder bor der stadig.",
        "Det er vanskelig å høre hva han sier.",
        "På slut i dag var den fin.",
        "Он член партии с 2003 года.",
        "Посол Чуркин выступил в ООН.",
        "전염병이 돌아서 2020 년에 문을 닫았다.",
        "パチンコ店とカフェラテとファックス",
        "他在餐厅吃干炒牛河，风土人情很好。",
        "خريج الجامعة يعيش في الخريف",
        "هیچ کس در خانه نیست",
        "תזונה בריאה לכל המשפחה",
    ],
)
def test_an_everyday_sentence_of_another_language_is_clean(sentence: str) -> None:
    found = [m for m in FILTER.matcher.find(sentence) if not m.maybe and m.severity != "mild"]
    assert found == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Ik heb een hond en een kat.",
        "Je hond is lief, wat een mooi dier.",
        "Dat varken eet alles op.",
        "Ich habe einen Hund und eine Katze, die Ratte lebt.",
        "Mein Hund ist ein Schwein, sagt sie.",
        "Tengo un perro y una vaca en la finca.",
        "Tu perro es muy bonito.",
        "Mi burro come hierba.",
        "J'ai un chien et une vache à la ferme.",
        "Ton petit chien est mignon.",
        "Le porc est cuit au four.",
        "Ho un cane, una vacca e un maiale.",
        "Quel maiale pesa cento chili.",
        "Tenho um cachorro e uma vaca.",
        "O seu cachorro é lindo.",
        "Mam psa, krowa je trawę, ten baran jest duży.",
        "To jest świnia wietnamska.",
        "Mám psa a kočku, ty krávy se pasou na louce.",
        "Jag har en hund och en gris.",
        "Din hund är snäll.",
        "Jeg har en hund, en ku og en gris.",
        "Din hund er sød.",
        "Minulla on koira ja lehmä.",
        "Bir köpek ve bir eşek gördüm.",
        "Bu köpek çok güzel.",
        "Egy kutya és egy disznó van az udvaron.",
        "Am un câine, un porc și o vacă.",
        "Έχω μια κότα και ένα γουρούνι.",
        "У меня есть собака, козёл и баран.",
        "Этот баран очень большой.",
        "У мене є баран і козел.",
        "Saya punya seekor babi dan monyet.",
        "Mayroon akong baboy at kalabaw.",
        "मेरे पास एक कुत्ता और एक सूअर है।",
        "mere paas ek kutta hai",
        "عندي كلب وحمار في البيت",
        "هذا كلب جميل",
        "من یک سگ و یک خر دارم",
        "יש לי כלב וחמור",
        "ראיתי את כלב השכנים",
        "我有一只狗和一头猪",
        "这个鸡很好吃，鸭也好吃",
        "この犬はかわいい、豚も飼っている",
        "이 개는 귀엽다, 돼지도 있다",
        "Tôi có một con chó và con heo.",
        "Die alte Ziege auf dem Berg ist krank.",
        "La perra tuvo cachorros ayer.",
    ],
)
def test_an_animal_is_an_insult_only_where_somebody_is_called_so(sentence: str) -> None:
    found = [m for m in FILTER.matcher.find(sentence) if not m.maybe and m.severity != "mild"]
    assert found == []


@pytest.mark.parametrize(
    "insult",
    [
        "jij bent varken en dat is zo",
        "Eres burro y no lo sabes",
        "Ты петух, а не мужик",
        "jesteś baran i nie wiesz nic",
        "sinä sika et ole mitään",
        "sei porco e non lo sai",
        "te disznó, ez nem igaz",
        "sen eşek misin",
        "أنت كلب",
        "你是猪",
        "お前は豚だ",
    ],
)
def test_an_animal_that_somebody_is_called_counts(insult: str) -> None:
    assert FILTER.flagged(insult)


def test_no_phrase_of_another_language_is_made_of_english_words() -> None:
    """ "The date in the text" is no Romanian insult: such a phrase counts only in texts that show its language."""
    made = [
        f"{t.text} ({t.language})"
        for lexicon in LISTS.values()
        for t in lexicon.terms
        if t.language != "en"
        and " " in t.text
        and not t.local
        and not t.exact
        and t.severity != "mild"
        and all(part in common() for part in form_of(t).parts)
    ]
    assert made == []


def test_own_words_in_y_are_found_in_ies_and_ied() -> None:
    own = Filter(load(own=join([parse(OWN, "own")])))
    for text in ("numpty", "Numpties!", "numptied", "n u m p t i e s", "two old biddies", "flurgays"):
        assert own.flagged(text), text
    for text in ("zorkies", "bumpties"):
        assert not own.flagged(text), text
