"""E-mail addresses and telephone numbers in comments: a table of what is one, with its span, and of what only looks so.

All addresses are at domains kept for examples, all numbers are kept for fiction or made up.
"""

from __future__ import annotations

import random
import re
import time

import pytest

from moderation.text import emails
from moderation.text.redact import find_contacts, mask_contacts

# What stands between « and » is to be found, as a whole; a row without them holds nothing.
EMAILS = """
write to «ana@example.org»
«ana@example.org»
mail «ana.maria@example.org» please
mail «ana+news@example.org», thanks
«ANA@EXAMPLE.ORG»!
(«ana@example.org»)
<«ana@example.org»>
mailto:«ana@example.org»
my address is «a_b-c@mail.example.co.uk».
it's «o'neil@example.com», ask me
two: «ana@example.org» and «bob@example.net»
«ana1999@example.museum»
«ana @ example.org»
«ana [at] example.org»
«ana(at)example.org»
«ana {at} example.org»
«ana <at> example.org»
«ana [at] example [dot] org»
«ana(at)example(dot)org»
«ana at example dot org»
«ana AT example DOT org»
«ana_at_example_dot_org»
«ana -at- example -dot- org»
«ana [@] example.org»
«ana(@)example(.)org»
«ana@example dot org»
«ana@example(dot)org»
schreib an «ana (at) example (punkt) org»
schreib an «ana ät example punkt org»
escribe a «ana arroba example punto org»
escríbeme: «ana (arroba) example.org»
escreve para «ana arroba example ponto org»
écris à «ana arobase example point org»
écris à «ana (arobase) example.org»
scrivi a «ana chiocciola example punto org»
пиши на «ana собака example точка org»
пиши «ana собака example.org»
пиши «анна@пример.рф»
napisz na «ana małpa example kropka org»
napiš na «ana zavináč example tečka org»
skriv till «ana snabela example punkt org»
skriv til «ana snabel-a example punktum org»
schrijf naar «ana apenstaartje example punt org»
«ana＠example.org»
«ana@example．org»
«аna@example.org»
«ana@ex-ample.org»
«ana.b.c.d@example.info»
«12345@example.com»
gmail is no address
me at home dot com is not where I live
look at this dot
meet at noon
@ana said so
@ana@social is a handle without a dot
thanks @ana. Great
a@b
user@localhost
3@5 oranges each
I bought it @ 5.99 today
she works at example dot
the score at half time was 2.1
see you at example
twitter: @ana_example
f(x)@g.h is no address of mine, nor x@y
visit us at example.org
we are at shop.example.com every day
the price is 5 at most
"""
PHONES = """
call «020 7946 0018»
call «+44 20 7946 0018»
«+44 (0)20 7946 0018»
«(555) 010-0199»
call me on «555-0100-199»
call «555 010 0199» tonight
«555-010-0199»
«555.010.0199»
«+1 555 010 0199»
«+1-555-010-0199»
«+15550100199»
tel: «5550100199»
phone: «555-0100»
text «07700 900123»
«07700900123»
WhatsApp «+44 7700 900123»
whatsapp: «447700900123»
Telefon «030 23125 014»
Tel. «030/23125014»
«+49 30 23125 014»
ruf an: «0171 3920001»
appelle le «01 99 00 12 34»
«01.99.00.12.34»
«+33 1 99 00 12 34»
llama al «612 345 678»
llámame: «+34 612 345 678»
chiama «+39 06 5555 0123»
liga para «(11) 95555-0123»
«+55 11 95555-0123»
звони «+7 999 555 01 23»
звони «8 (999) 555-01-23»
телефон: «8 999 555 01 23»
bel «06 12345678»
bel «06-12345678»
ring «08-465 004 99»
soita «040 555 0123»
zadzwoń «601 555 012»
اتصل «٠٥٥٥٠١٠١٩٩»
फ़ोन «+91 99555 50123»
電話 «090-5550-0123»
電話は«03-5550-0123»です
전화 «010-5550-0123»
call me: «+86 138 5550 0123»
«+1 (555) 010-0199» ext 4
call «five five five zero one zero zero one nine nine»
my number is «oh seven seven double zero nine zero zero one two three»
call «０２０ ７９４６ ００１８»
+ 44 is the code of the UK
in 1998 and 2004
from 1998-2004
2024-11-25 is the date
25.11.2024
25/11/2024 at 14:30
2024-11-25T14:30:00Z
on 11-25-2024 at noon
25.11.2024, 14:30 Uhr
it costs 1,000,000 dollars
it costs 1.000.000,00 EUR
it costs $1234567
€12345678 of taxes
12345678 €
£3,500,000
1 234 567,89 Kč
10 000 000 people live there
population 8,804,190
the score was 3-2 4-1 0-0 2-2
6-4 6-3 7-6 in three sets
ISBN 978-3-16-148410-0
ISBN-10: 3-16-148410-X
isbn 9783161484100
ISSN 2049-3630
978-0-306-40615-7
IBAN DE89 3704 0044 0532 0130 00
IBAN GB29 NWBK 6016 1331 9268 19
DE89370400440532013000
GB29 NWBK 6016 1331 9268 19
ES91 2100 0418 4502 0005 1332
order number 12345678
order #1234567890
Order no. 4711-0815-99
invoice 2024-000123
ticket 123456789
case 123-456-789
doi 10.1000/182345678
doi:10.1093/ajae/aaq063
PMID 12345678
version 10.0.19045.3803
v1.2.3.4567
Python 3.11.7 and 3.12.1
192.168.100.200
10.0.0.1:8080
2001:0db8:85a3
http://example.org/2024/11/25/1234567
https://example.org/p/5550100199
#1234567
0.12345678
3.14159265358979
1e10 is 10000000000
50.1109, 8.6821
-33.8688 151.2093
SKU 1234567890
UTC+0100 and 0900-1700
open 09:00-17:00 and 18:00-22:00
100000000 times
99999999 bottles
Flight BA2490 and LH400
4111 1111 1111 1111
serial 1234-5678-9012
tracking RR123456785DE
EAN 4006381333931
§ 123 Abs. 4 Satz 5 Nr. 6
pages 123-145, 201-234
Rev. 7:9-12, 14:1-5
the years 1914, 1918, 1939 and 1945
1914 1918 1939 1945
lottery: 4 8 15 16 23 42
5 10 15 20 25 30 35
ID 123e4567-e89b-12d3-a456-426614174000
commit 39578ec0124567
"""


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line and "«»" not in line]


def expected(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The row without its marks, and where they stood."""
    text, spans, start = "", [], 0
    for letter in marked:
        if letter == "«":
            start = len(text)
        elif letter == "»":
            spans.append((start, len(text)))
        else:
            text += letter
    return text, spans


@pytest.mark.parametrize("marked", rows(EMAILS))
def test_an_address_is_found_where_it_stands_and_nowhere_else(marked: str) -> None:
    text, spans = expected(marked)
    assert [(c.start, c.end) for c in find_contacts(text) if c.kind == "email"] == spans


@pytest.mark.parametrize("marked", rows(PHONES))
def test_a_telephone_number_is_found_where_it_stands_and_nowhere_else(marked: str) -> None:
    text, spans = expected(marked)
    assert [(c.start, c.end) for c in find_contacts(text) if c.kind == "phone"] == spans


def test_the_table_is_not_short() -> None:
    assert len(rows(EMAILS)) + len(rows(PHONES)) >= 150


@pytest.mark.parametrize("marked", [row for row in rows(EMAILS) + rows(PHONES) if "«" in row])
def test_masking_hides_what_was_found_and_changes_nothing_else(marked: str) -> None:
    text, spans = expected(marked)
    masked = mask_contacts(text, find_contacts(text))
    for start, end in spans:
        assert text[start:end] not in masked
    kept = [text[a:b] for a, b in zip([0, *(e for _, e in spans)], [*(s for s, _ in spans), len(text)], strict=True)]
    assert all(piece in masked for piece in kept)


HOST = re.compile(rf"[\w-]{{1,63}}(?:{emails._DOT}[\w-]{{1,63}}){{1,5}}")
MAILBOX = re.compile(rf"(?:[\w+%-]{{1,64}}{emails._DOT}){{0,3}}[\w+%'-]{{1,64}}\Z")
SCRAPS = (
    "a",
    "bb",
    "com",
    "x'y",
    "@",
    ".",
    " ",
    "-",
    "_",
    "+",
    "*",
    "(dot)",
    "_dot_",
    " dot ",
    "-punktum-",
    "[.]",
    "é",
    "\n",
)


def test_host_and_mailbox_are_what_a_pattern_finds_that_tries_every_way() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        text = "".join(chance.choices(SCRAPS, k=chance.randrange(1, 40)))
        dots = emails._Dots(text)
        for at in range(len(text) + 1) if dots.begins else ():
            host, mailbox = HOST.match(text, at), MAILBOX.search(text, max(0, at - 100), at)
            assert dots.host_end(at) == (host and host.end()), text
            assert dots.mailbox_start(at) == (mailbox and mailbox.start()), text


@pytest.mark.parametrize("scrap", ["a-" * 40 + "@aa ", "aa-at-", "a@", "a-at-bb.cc-at-", "_" * 20 + "@aa"])
def test_what_only_looks_like_many_addresses_takes_little_time(scrap: str) -> None:
    text = scrap * (100_000 // len(scrap))
    began = time.process_time()
    find_contacts(text)
    assert time.process_time() - began < 1.5
