"""Under what a comment is counted: the buckets of its address, its author, its article and its site.

Their keys hold for one day (UTC) and name nobody, so that what Redis keeps of two days cannot be joined.
"""

from __future__ import annotations

from datetime import date

from moderation.edges.vault import Vault
from moderation.judge.checks import is_under
from moderation.judge.ruleset import SiteRules
from moderation.rates import Answer, Bucket, address_prefixes, mailbox
from moderation.text.links import find_links
from moderation.values import AuthorRecord

SENDER = frozenset({"address", "network", "pair", "email"})
LETTER = frozenset({"letter", "report-letter", "letters"})
PENALTY = frozenset({"address", "pair"})
"""Where a refused comment may count: with who sent it alone, so that nobody makes others wait."""


def buckets(
    vault: Vault,
    site: SiteRules,
    day: date,
    *,
    address: str | None = None,
    email: str | None = None,
    proved: str | None = None,
    article: str | None = None,
    whole_site: bool = False,
    cost: int = 1,
    is_regular: bool = False,
) -> tuple[Bucket, ...]:
    """The buckets of what is given. That of an e-mail address is soft: over it the comment is held, and nobody is told.
    An author who has `proved` to be somebody has buckets of their own, which nobody empties by typing their address. A
    comment costs its sender `cost`, its article and site always one.

    Raises ValueError when `address` is none.
    """
    keys: list[tuple[str, str, bool, bool]] = []
    limits = site.settings.limits
    prefixes = address_prefixes(address, limits.ipv4, limits.ipv6, limits.ipv6_network) if address else ()
    author = f"\0{proved}" if proved else mailbox(email) if email else None
    if prefixes:
        keys.append(("address", prefixes[0], True, False))
    if len(prefixes) > 1:
        keys.append(("network", prefixes[1], False, False))
    if author and prefixes:
        keys.append(("pair", f"{author} {prefixes[0]}", False, False))
    if author:
        keys.append(("email", author, False, True))
    if article is not None:
        keys.append(("article", article, False, False))
    if whole_site:
        keys.append(("site", site.id, False, False))
    windows = site.wider if is_regular else site.windows
    found = []
    for scope, key, visible, soft in keys:
        hashed = vault.limit_key(scope, site.id, key, day=day)
        weight = cost if scope in SENDER else 1
        penalty = limits.penalty_most if scope in PENALTY else 0
        found += [
            Bucket(scope, hashed, window, visible, min(weight, window.burst), soft, penalty)
            for window in windows[scope]
        ]
    return (*found, *fuse(vault, site, day)) if whole_site else tuple(found)


def fuse(vault: Vault, site: SiteRules, day: date) -> tuple[Bucket, ...]:
    """What blows where the whole site gets more than it can look at. What came over it fills it further, up to twice
    what it holds: so it stays blown through a wave, and is whole when a quiet window has passed."""
    windows = site.windows["fuse"]
    hashed = vault.limit_key("fuse", site.id, site.id, day=day) if windows else ""
    return tuple(Bucket("fuse", hashed, each, visible=False, soft=True, penalty=each.burst) for each in windows)


def letter_buckets(
    vault: Vault, site: SiteRules, day: date, email: str, *kind: str, scope: str = "letter"
) -> tuple[Bucket, ...]:
    """Those of a letter to this address, counted apart by `kind`. Soft: a comment waits for no letter."""
    keys = {scope: vault.limit_key(scope, site.id, mailbox(email), *kind, day=day), "letters": site.id}
    return tuple(
        Bucket(scope, key, window, visible=False, soft=True)
        for scope, key in keys.items()
        for window in site.windows[scope]
    )


def letters_allowed(answer: Answer) -> bool:
    """Where nobody can tell how many letters went there, none goes."""
    return answer.source == "redis" and all(each.allowed for each in answer.buckets if each.bucket.scope in LETTER)


def report_buckets(vault: Vault, site: SiteRules, day: date, address: str) -> tuple[Bucket, ...]:
    """Those of a reader's reports. Raises ValueError when `address` is none."""
    limits = site.settings.limits
    sender = address_prefixes(address, limits.ipv4, limits.ipv6, limits.ipv6_network)[0]
    hashed = vault.limit_key("report", site.id, sender, day=day)
    return tuple(Bucket("report", hashed, window, visible=False) for window in site.windows["report"])


def cost(site: SiteRules, body: str) -> int:
    """What a comment with this text counts as, for who sends it."""
    least, allowed = site.settings.limits.link_cost, site.settings.links.allow
    return least if least > 1 and any(not is_under(link.host, allowed) for link in find_links(body)) else 1


def is_regular(site: SiteRules, *, verified: bool, record: AuthorRecord) -> bool:
    """Whether an author may send more. A typed address earns nothing: `verified` is who proved who they are."""
    return verified and record.approved >= site.settings.limits.regular_approved
