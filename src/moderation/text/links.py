"""Links in a text, however they are written: as address, as bare domain, as hxxp, with "dot com" spelt out.

Finds and names them; opens nothing and judges nothing.
"""

from __future__ import annotations

import re
import stringprep
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from encodings.idna import nameprep
from functools import lru_cache
from pathlib import Path
from typing import Any

SHORTENERS = frozenset(
    [
        "bit.ly",
        "t.co",
        "goo.gl",
        "tinyurl.com",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "adf.ly",
        "cutt.ly",
        "rebrand.ly",
        "shorturl.at",
        "t.ly",
        "rb.gy",
        "lnkd.in",
        "bl.ink",
        "tiny.cc",
        "v.gd",
        "soo.gd",
        "s.id",
        "short.io",
        "shrtco.de",
        "clck.ru",
        "vk.cc",
        "u.to",
        "dlvr.it",
        "trib.al",
        "wp.me",
        "fb.me",
        "amzn.to",
        "youtu.be",
        "g.co",
        "x.co",
        "qr.ae",
        "po.st",
        "mcaf.ee",
        "bitly.com",
        "j.mp",
        "ift.tt",
        "tr.im",
        "snip.ly",
        "urlz.fr",
        "kutt.it",
        "gg.gg",
        "linktr.ee",
        "t.me",
        "da.gd",
        "shrinke.me",
        "ouo.io",
        "exe.io",
        "bc.vc",
        "shorte.st",
        "za.gl",
        "cutt.us",
        "git.io",
        "aka.ms",
        "spoti.fi",
        "1url.com",
        "hyperurl.co",
        "lc.chat",
    ]
)


@dataclass(frozen=True, slots=True)
class Link:
    """`host` in lower case, IDN as xn--; `domain` the registrable part by the public suffix list ('' where none);
    `shown` the characters at [start, end)."""

    start: int
    end: int
    host: str
    domain: str
    shown: str


@dataclass(frozen=True, slots=True)
class DisguisedLink:
    """A link at [start, end) whose text names the host `shown`, while it leads to `real`, under another domain."""

    start: int
    end: int
    shown: str
    real: str


@lru_cache(maxsize=64)
def find_links(text: str) -> tuple[Link, ...]:
    """Every link in `text`, in order, none overlapping. Remembered for a moment: limits and judge both ask."""
    if not _may_hold(text):
        return ()
    found: list[Link] = []
    for match in _LINK.finditer(text):
        link = _read(text, match)
        if link is not None and (not found or link.start >= found[-1].end):
            found.append(link)
    return tuple(found)


def _may_hold(text: str) -> bool:
    """Is anything in `text` written as a link?  Most texts have no sign of one, which costs little to see."""
    if text.isascii() and not _DOTTED.search(text) and "//" not in text and "\\\\" not in text:
        lower = text.lower()
        if not any(map(lower.__contains__, _SIGNS)) and not _BOXED_DOT.search(text):
            return False
    return _HINT.search(text) is not None


def find_disguised_links(text: str) -> tuple[DisguisedLink, ...]:
    """Links written as Markdown, BBCode or HTML that show one site and lead to another, in order."""
    if not _MARKED_HINT.search(text):
        return ()
    found: list[DisguisedLink] = []
    for marked in _MARKED.finditer(text):
        shown = find_links(marked["mdtext"] or marked["bbtext"] or marked["atext"] or "")
        real = find_links(_with_scheme(marked["md"] or marked["bb"] or marked["a"] or ""))
        if shown and real and (shown[0].domain or shown[0].host) != (real[0].domain or real[0].host):
            found.append(DisguisedLink(*marked.span(), shown[0].host, real[0].host))
    return tuple(found)


def _with_scheme(target: str) -> str:
    return f"http:{target}" if target.startswith("//") else target


_MARKED_HINT = re.compile(r"\]\(|\[url=|<a\s", re.IGNORECASE)
_TEXT = r"[^\[\]<>\n]{1,200}"
_MARKED = re.compile(
    rf"\[(?P<mdtext>{_TEXT})\]\(\s?<?(?P<md>[^\s()<>]{{1,2000}})|"
    rf"\[url=[\"']?(?P<bb>[^\s\[\]\"']{{1,2000}})[\"']?\](?P<bbtext>{_TEXT})\[/url\]|"
    rf"<a\s[^<>]{{0,200}}?href\s?=\s?[\"']?(?P<a>[^\s\"'<>]{{1,2000}})[^<>]{{0,200}}>(?P<atext>{_TEXT})</a",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def suffixes() -> Any:
    """The public suffix list, ICANN and private parts; read once, when the first link is met. Encoded here, since the
    library encodes the nineteen in twenty that are ASCII as well, which takes longer than all else."""
    from publicsuffixlist import PSLFILE, PublicSuffixList

    return PublicSuffixList(_suffix_lines(Path(PSLFILE)), accept_encoded_idn=False)


def _suffix_lines(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        yield line
        if not line.isascii() and not line.startswith("//"):
            sign = "!" if line.startswith("!") else ""
            yield sign + line.split(" ")[0].lower().removeprefix("!").encode("idna").decode("ascii")


@lru_cache(maxsize=4096)
def registrable(host: str) -> str:
    """The registrable domain of `host` ('' for a suffix itself, an unknown suffix or an IP address)."""
    if _IP.fullmatch(host):
        return host
    known = suffixes()
    if known.publicsuffix(host, accept_unknown=False) is None:
        return ""
    return known.privatesuffix(host) or ""


_NAMES = ("dot", "punkt", "punto", "ponto", "point", "punt", "kropka", "точка")
_SPELT = f"(?:{'|'.join(_NAMES)})"
_SIGNS = (*_NAMES, "www")
_BOXED_DOT = re.compile(r"[\[({]\s?\.")
_DOTTED = re.compile(r"\.(?:[^\W\d_]|\d{1,3}[/:?#])")
_HINT = re.compile(
    rf"[^\W_][.。．｡][^\W\d_]|\d\.\d{{1,3}}[/:?#]|:\s?//|:\s?\\\\|:\]//|\s{_SPELT}\s|[\[({{]\s?(?:{_SPELT}|\.)\s?[\])}}]|\bwww\b",
    re.IGNORECASE,
)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_DOT = rf"(?:[.。．｡]|\s?[\[({{]\s?(?:{_SPELT}|\.)\s?[\])}}]\s?|\s{{1,2}}{_SPELT}\s{{1,2}})"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_LINK = re.compile(
    r"(?<![\w@.])(?:(?P<scheme>(?:h(?:tt|xx|\*\*)ps?|ftp|[a-z]{3,8}tps?)\s?:\s?(?://|\\\\)\s?|(?:https?|hxxps?)\[:\]//)"
    r"(?:[^\s/@]{1,80}@)?"
    rf"(?P<host>{_LABEL}(?:{_DOT}{_LABEL}){{0,8}})|(?P<bare>{_LABEL}(?:{_DOT}{_LABEL}){{1,8}}))"
    r"\.?(?P<port>:\d{1,5})?(?P<path>[/?#][^\s<>\"'“”\[\]]{0,2000})?",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}'\"…»"
_FILES = frozenset(
    ["py", "js", "md", "sh", "rs", "pl", "cc", "so", "ps", "zip", "mov", "app", "java", "cs", "ts", "tf"]
)


def _read(text: str, match: re.Match[str]) -> Link | None:
    scheme = match.group("scheme")
    shown_host = match.group("host") or match.group("bare")
    named = _named(shown_host)
    if not scheme and not named.isascii() and not _may_end_host(named.rsplit(".", 1)[-1]):
        return None
    host = encoded(named)
    start, end = match.span()
    if text[end - 1 : end] == "." and not match.group("path"):
        end -= 1
    path = match.group("path") or ""
    end -= len(path) - len(path.rstrip(_TRAILING)) if path else 0
    if text[start - 1 : start] == "@" or text[end : end + 1] == "@":
        return None
    domain = registrable(host) if host else ""
    if not domain and (not scheme or scheme[-1:].isspace()):
        return None
    if not scheme and not _plausible(shown_host, host, path, domain):
        return None
    return Link(start, end, host, domain, text[start:end])


def _named(shown: str) -> str:
    joined = re.sub(_DOT, ".", shown, flags=re.IGNORECASE)
    return unicodedata.normalize("NFKC", joined).lower().strip(".")


def encoded(host: str) -> str:
    """As the codec `idna` encodes it, label by label; the host itself where that cannot be."""
    if host.isascii():
        return host
    try:
        return ".".join([_encoded_label(label) for label in host.split(".")])
    except UnicodeError:
        return host


@lru_cache(maxsize=4096)
def _encoded_label(label: str) -> str:
    if not 0 < len(label) < _LONGEST_LABEL or (label.startswith("xn--") and not label.isascii()):
        raise UnicodeError("no label of a host")
    if label.isascii():
        return label
    if not all(map(_is_kept, label)):
        return label.encode("idna").decode("ascii")
    encoded = f"xn--{label.encode('punycode').decode('ascii')}"
    if len(encoded) >= _LONGEST_LABEL:
        raise UnicodeError("too long a label")
    return encoded


_LONGEST_LABEL = 64


@lru_cache(maxsize=4096)
def _is_kept(char: str) -> bool:
    """Does IDNA take the letter as it is, wherever it stands?  Then it need not look at the whole label, which takes
    longer than to encode it."""
    return char.isascii() or (
        char.isalpha()
        and not stringprep.in_table_d1(char)
        and not stringprep.in_table_a1(char)
        and nameprep(char) == char
    )


@lru_cache(maxsize=4096)
def _may_end_host(label: str) -> bool:
    """Is there such a domain of the first level?  Asked of hosts with letters of other scripts only: encoding all of
    one takes time, and most of what looks like one is a sentence that goes on without a blank."""
    return suffixes().publicsuffix(f"x.{encoded(label)}", accept_unknown=False) is not None


def _plausible(shown: str, host: str, path: str, domain: str) -> bool:
    """Is a bare host meant as a link?  Not a file name, a number, initials or a missing space after a full stop."""
    if _IP.fullmatch(host):
        return bool(path)
    last = host.rsplit(".", 1)[-1]
    if path or host.startswith("www."):
        return True
    if last in _FILES or host == last or host.replace(".", "").isdigit():
        return False
    labels = host.split(".")
    if all(len(label) <= 2 for label in labels) and domain not in SHORTENERS:
        return False
    spelt = re.search(r"\s", shown)
    in_english = bool(spelt) and re.search(r"\bdot\b", shown, re.IGNORECASE)
    if spelt and last not in (_SPELT_ENDS if in_english else _OTHER_ENDS):
        return False
    if spelt and not in_english and len(labels[-2]) < 4:
        return False  # "le point net" is about a point
    # "end.The next" is a missing space: a capital begins the last label while the host is not all capitals.
    tail = re.split(_DOT, shown, flags=re.IGNORECASE)[-1]
    if tail[:1].isupper() and not shown.isupper() and tail[1:].islower():
        return False
    return not (len(labels) == 2 and last in _WORDLIKE and not spelt)


# What may stand behind a spelt-out dot; "point de vue" and "punt uit" are no links.
_OTHER_ENDS = frozenset(("com", "net", "org", "ru", "info", "biz"))
_SPELT_ENDS = _OTHER_ENDS | {"io", "de", "uk", "co", "me", "tv", "xyz", "top", "online"}
# Suffixes that are also words that begin a sentence: a missing space is likelier than a link.
_WORDLIKE = frozenset(
    [
        "it",
        "is",
        "in",
        "at",
        "no",
        "so",
        "my",
        "me",
        "us",
        "as",
        "am",
        "be",
        "do",
        "to",
        "by",
        "la",
        "de",
        "pm",
        "re",
        "id",
        "now",
        "here",
        "today",
        "blog",
        "news",
        "help",
    ]
) - frozenset(
    ("me", "us", "de", "it", "be", "at", "id", "blog", "news", "is", "in", "no", "to", "la", "re", "pm", "my")
)
