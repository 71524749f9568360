"""Links in comments: a table of how people write them, with host and registrable domain, and of what is none."""

from __future__ import annotations

import random
import unicodedata

import pytest
from publicsuffixlist import PublicSuffixList

from moderation.text.links import SHORTENERS, encoded, find_disguised_links, find_links, suffixes

# text | what stands there as the link | host | registrable domain
LINKS = """
see http://example.com | http://example.com | example.com | example.com
see https://example.com/ | https://example.com/ | example.com | example.com
https://www.example.com/a/b?c=d#e | https://www.example.com/a/b?c=d#e | www.example.com | example.com
HTTP://EXAMPLE.COM/A | HTTP://EXAMPLE.COM/A | example.com | example.com
(https://example.com/a) | https://example.com/a | example.com | example.com
<https://example.com/a> | https://example.com/a | example.com | example.com
"https://example.com/a" | https://example.com/a | example.com | example.com
https://example.com. | https://example.com | example.com | example.com
https://example.com/a. Then | https://example.com/a | example.com | example.com
https://example.com/a, then | https://example.com/a | example.com | example.com
https://example.com/a?b=1! | https://example.com/a?b=1 | example.com | example.com
https://example.com:8443/a | https://example.com:8443/a | example.com | example.com
https://ana@example.com/a | https://ana@example.com/a | example.com | example.com
https://ana:secret@example.com/a | https://ana:secret@example.com/a | example.com | example.com
https://paypal.com@evil.example.net/ | https://paypal.com@evil.example.net/ | evil.example.net | example.net
ftp://files.example.org/a | ftp://files.example.org/a | files.example.org | example.org
http://192.0.2.7/a | http://192.0.2.7/a | 192.0.2.7 | 192.0.2.7
http://192.0.2.7:8080 | http://192.0.2.7:8080 | 192.0.2.7 | 192.0.2.7
192.0.2.7/login | 192.0.2.7/login | 192.0.2.7 | 192.0.2.7
192.0.2.7:8080/login | 192.0.2.7:8080/login | 192.0.2.7 | 192.0.2.7
http://localhost/a | http://localhost/a | localhost |
//example.com/a is what I saw | example.com/a | example.com | example.com
example.com | example.com | example.com | example.com
go to example.com now | example.com | example.com | example.com
go to www.example.com now | www.example.com | www.example.com | example.com
Example.com is mine | Example.com | example.com | example.com
EXAMPLE.COM | EXAMPLE.COM | example.com | example.com
example.com/path | example.com/path | example.com | example.com
example.com?q=1 | example.com?q=1 | example.com | example.com
example.com: a site | example.com | example.com | example.com
shop.example.co.uk | shop.example.co.uk | shop.example.co.uk | example.co.uk
a.b.c.example.com.au | a.b.c.example.com.au | a.b.c.example.com.au | example.com.au
ana.github.io | ana.github.io | ana.github.io | ana.github.io
x.ana.github.io/y | x.ana.github.io/y | x.ana.github.io | ana.github.io
ana.blogspot.com | ana.blogspot.com | ana.blogspot.com | ana.blogspot.com
buy at example.shop | example.shop | example.shop | example.shop
example.xyz | example.xyz | example.xyz | example.xyz
example.online/win | example.online/win | example.online | example.online
casino-777.bet | casino-777.bet | casino-777.bet | casino-777.bet
1xbet.example.ru | 1xbet.example.ru | 1xbet.example.ru | example.ru
example.travel | example.travel | example.travel | example.travel
example.photography | example.photography | example.photography | example.photography
example.de und mehr | example.de | example.de | example.de
sieh example.at/a | example.at/a | example.at | example.at
visita example.es | example.es | example.es | example.es
смотри example.ru | example.ru | example.ru | example.ru
пример.рф | пример.рф | xn--e1afmkfd.xn--p1ai | xn--e1afmkfd.xn--p1ai
https://пример.рф/страница | https://пример.рф/страница | xn--e1afmkfd.xn--p1ai | xn--e1afmkfd.xn--p1ai
https://bücher.example.de | https://bücher.example.de | xn--bcher-kva.example.de | example.de
bücher.de | bücher.de | xn--bcher-kva.de | xn--bcher-kva.de
xn--bcher-kva.de | xn--bcher-kva.de | xn--bcher-kva.de | xn--bcher-kva.de
https://例え.jp/ | https://例え.jp/ | xn--r8jz45g.jp | xn--r8jz45g.jp
https://例え。jp/ | https://例え。jp/ | xn--r8jz45g.jp | xn--r8jz45g.jp
ｅｘａｍｐｌｅ．ｃｏｍ | ｅｘａｍｐｌｅ．ｃｏｍ | example.com | example.com
https://pаypal.com/login | https://pаypal.com/login | xn--pypal-4ve.com | xn--pypal-4ve.com
hxxp://example.com/a | hxxp://example.com/a | example.com | example.com
hxxps://example.com | hxxps://example.com | example.com | example.com
h**p://example.com/a | h**p://example.com/a | example.com | example.com
http[:]//example.com | http[:]//example.com | example.com | example.com
http : // example.com | http : // example.com | example.com | example.com
http:\\\\example.com | http:\\\\example.com | example.com | example.com
example[.]com | example[.]com | example.com | example.com
example(.)com | example(.)com | example.com | example.com
example{.}com | example{.}com | example.com | example.com
example [.] com | example [.] com | example.com | example.com
example dot com | example dot com | example.com | example.com
example DOT com | example DOT com | example.com | example.com
example [dot] com | example [dot] com | example.com | example.com
example(dot)com | example(dot)com | example.com | example.com
www dot example dot com | www dot example dot com | www.example.com | example.com
example dot co dot uk | example dot co dot uk | example.co.uk | example.co.uk
go to cheap-pills dot biz today | cheap-pills dot biz | cheap-pills.biz | cheap-pills.biz
beispiel punkt com | beispiel punkt com | beispiel.com | beispiel.com
ejemplo punto com | ejemplo punto com | ejemplo.com | ejemplo.com
exemplo ponto com | exemplo ponto com | exemplo.com | exemplo.com
exemple point com | exemple point com | exemple.com | exemple.com
пример точка ру | |
example точка com | example точка com | example.com | example.com
bit.ly/2AbCdE | bit.ly/2AbCdE | bit.ly | bit.ly
https://bit.ly/2AbCdE | https://bit.ly/2AbCdE | bit.ly | bit.ly
t.co/AbCd | t.co/AbCd | t.co | t.co
goo.gl/maps/1 | goo.gl/maps/1 | goo.gl | goo.gl
t.me/cheapstuff | t.me/cheapstuff | t.me | t.me
tinyurl.com/abc | tinyurl.com/abc | tinyurl.com | tinyurl.com
[text](https://example.com/a) | https://example.com/a | example.com | example.com
<a href="https://example.com/a">x</a> | https://example.com/a | example.com | example.com
[url=https://example.com/a]x[/url] | https://example.com/a | example.com | example.com
"""
NONE = """
No link here.
The end.The next sentence
I went home.It rained
He said no.So I left
He said it.Is that so
Hello...world
wait..what
e.g. this, i.e. that
U.S.A. and U.K. and a.m.
J.R.R. Tolkien
Ph.D. or M.Sc.
3.14 and 2.71
1.000,50
12.30 Uhr
25.11.2024
10.0.0.1
version 1.2.3
v2.0.1-rc1
file.txt
main.py
readme.md
index.js
run.sh
a.b
x.y.z
ana@example.com
mail ana@mail.example.com please
@ana.maria said so
connect the dot
polka dot dress
on the dot
dot your i's
the point com
and/or
24/7
http is a protocol
http://
https:// is how it begins
www is the web
... and so on
Mr.Smith
St.Petersburg
...com
node.js and vue.js
the point de vue
het punt uit
el punto de partida
.NET
C++ vs. C#
"""
SHOWN = [
    ("[paypal.com](https://evil.example.net/a)", "paypal.com", "evil.example.net"),
    ("[https://www.paypal.com/login](http://evil.example.net)", "www.paypal.com", "evil.example.net"),
    ("[url=https://evil.example.net]bank.example.org[/url]", "bank.example.org", "evil.example.net"),
    ('<a href="https://evil.example.net">www.bank.example.org</a>', "www.bank.example.org", "evil.example.net"),
    ("<a href='//evil.example.net/x'>bank.example.org</a>", "bank.example.org", "evil.example.net"),
    ("[pаypal.com](https://paypal.com)", "xn--pypal-4ve.com", "paypal.com"),
]
HONEST = [
    "[paypal.com](https://www.paypal.com/login)",
    "[here](https://example.com/a)",
    "[my page at example](https://example.com/a)",
    "[www.example.com](https://shop.example.com)",
    '<a href="https://example.com">example.com</a>',
    "https://example.com and https://example.org",
]


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


@pytest.mark.parametrize("row", rows(LINKS))
def test_a_link_is_found_with_its_host_and_its_registrable_domain(row: str) -> None:
    text, shown, host, domain = (cell.strip() for cell in f"{row} | |".split(" |")[:4])
    found = [(link.shown, link.host, link.domain) for link in find_links(text)]
    assert found == ([(shown, host, domain)] if shown else [])
    assert all(text[link.start : link.end] == link.shown for link in find_links(text))


@pytest.mark.parametrize("text", rows(NONE))
def test_what_only_looks_like_a_link_is_none(text: str) -> None:
    assert find_links(text) == ()


@pytest.mark.parametrize(("text", "shown", "real"), SHOWN)
def test_a_link_that_shows_another_host_than_it_leads_to_is_told(text: str, shown: str, real: str) -> None:
    assert [(lie.shown, lie.real) for lie in find_disguised_links(text)] == [(shown, real)]


@pytest.mark.parametrize("text", HONEST)
def test_a_link_that_shows_its_own_site_or_no_host_is_honest(text: str) -> None:
    assert find_disguised_links(text) == ()


def test_shorteners_are_known_by_their_host() -> None:
    assert {link.host for link in find_links("bit.ly/a t.co/b tinyurl.com/c is.gd/d")} <= SHORTENERS


def test_the_table_is_not_short() -> None:
    assert len(rows(LINKS)) + len(rows(NONE)) + len(SHOWN) + len(HONEST) >= 130


def test_the_suffixes_are_those_that_the_library_encodes_itself() -> None:
    theirs = PublicSuffixList()
    assert vars(suffixes()) == vars(theirs)
    assert "!city.kawasaki.jp" in theirs._publicsuffix
    assert "xn--55qx5d.cn" in theirs._publicsuffix


def test_hosts_of_other_scripts_are_encoded_as_the_codec_does_it() -> None:
    chance = random.Random(20261129)
    letters = [chr(code) for code in (*range(0x80, 0x3000), *range(0x4E00, 0xFFFF, 13)) if chr(code).isalnum()]
    for _ in range(5_000):
        labels = (chance.choices((*letters, *"abcxn-019" * 200), k=chance.choice((1, 2, 3, 8, 40, 64))) for _ in "ab")
        host = unicodedata.normalize("NFKC", ".".join(map("".join, labels))).lower().strip(".")
        try:
            expected = host.encode("idna").decode("ascii") if not host.isascii() else host
        except UnicodeError:
            expected = host
        assert encoded(host) == expected
