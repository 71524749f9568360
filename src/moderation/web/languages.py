"""The names of the languages that `text.language` can tell, by their code (ISO 639)."""

from __future__ import annotations

from collections.abc import Mapping

from moderation import catalogue

_NAMES = """
ace Acehnese; af Afrikaans; am Amharic; an Aragonese; ar Arabic; ary Moroccan Arabic; arz Egyptian Arabic; as
Assamese; az Azerbaijani; ba Bashkir; bcl Central Bikol; be Belarusian; bg Bulgarian; bn Bengali; br Breton; bs
Bosnian; ca Catalan; crh Crimean Tatar; cs Czech; cy Welsh; da Danish; de German; dz Dzongkha; el Greek; en English;
eo Esperanto; es Spanish; et Estonian; eu Basque; ext Extremaduran; fa Persian; fi Finnish; fo Faroese; fr French; fuv
Nigerian Fulfulde; fy West Frisian; ga Irish; gcf Guadeloupean Creole; gcr Guianese Creole; gd Scottish Gaelic; gl
Galician; gom Goan Konkani; grc Ancient Greek; gu Gujarati; gug Guaraní; guw Gun; ha Hausa; hbo Biblical Hebrew; he
Hebrew; hi Hindi; hr Croatian; ht Haitian Creole; hu Hungarian; hy Armenian; id Indonesian; ig Igbo; is Icelandic; it
Italian; ja Japanese; jv Javanese; ka Georgian; kab Kabyle; kik Kikuyu; kk Kazakh; km Khmer; kn Kannada; ko Korean; ku
Kurdish; ky Kyrgyz; la Latin; lb Luxembourgish; lg Ganda; lij Ligurian; ln Lingala; lo Lao; lt Lithuanian; ltg
Latgalian; lv Latvian; mg Malagasy; mk Macedonian; ml Malayalam; mn Mongolian; mr Marathi; ms Malay; mt Maltese; my
Burmese; ne Nepali; nl Dutch; nn Norwegian Nynorsk; no Norwegian; nso Northern Sotho; oc Occitan; om Oromo; or Odia;
pa Punjabi; pcm Nigerian Pidgin; pl Polish; ps Pashto; pt Portuguese; qu Quechua; ro Romanian; ru Russian; rw
Kinyarwanda; sa Sanskrit; sdh Southern Kurdish; se Northern Sami; si Sinhala; sk Slovak; sl Slovenian; sn Shona; so
Somali; sq Albanian; sr Serbian; st Sotho; sv Swedish; sw Swahili; ta Tamil; te Telugu; tg Tajik; th Thai; tk Turkmen;
tl Tagalog; tr Turkish; tt Tatar; ug Uyghur; uk Ukrainian; ur Urdu; uz Uzbek; uzs Southern Uzbek; vec Venetian; vi
Vietnamese; vo Volapük; wa Walloon; wuu Wu Chinese; xh Xhosa; yo Yoruba; yue Cantonese; zh Chinese; zu Zulu
"""

LANGUAGES: Mapping[str, str] = dict(entry.split(" ", 1) for entry in " ".join(_NAMES.split()).split("; "))


def language_name(code: str) -> str:
    """In the language that is spoken, from CLDR where it is another than English. Empty for an unknown code."""
    return catalogue.language_name(code) or LANGUAGES.get(code, "")


def by_name() -> list[tuple[str, str]]:
    """(code, name) in the order of the names."""
    return sorted(((code, language_name(code)) for code in LANGUAGES), key=lambda entry: entry[1])
