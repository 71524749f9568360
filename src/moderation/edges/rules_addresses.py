"""Addresses in the rules file that can never be asked: without TLS, or plainly into a network of ours. Told with their
line when the file is read; what a name leads to is found out when it is asked (`outside`)."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.edges.outside import Network, objection
from moderation.errors import RulesProblem
from moderation.rules_problems import place, shown_key, shown_value
from moderation.settings import Rules
from moderation.toml_places import Path as Key
from moderation.toml_places import Places

ADDRESSES = (("login", "keys"), ("webhook", "url"), ("external", "url"))
"""The settings of a site that are addresses the service asks."""


def address_problems(rules: Rules, places: Places, inside: Sequence[Network]) -> list[RulesProblem]:
    """Each once, also where several sites have it from `[defaults]`. `inside` are the networks of ours that may be
    asked."""
    found: dict[tuple[int, int, Key], RulesProblem] = {}
    for name, site in rules.sites.items():
        for table, key in ADDRESSES:
            url = getattr(getattr(site, table), key)
            if url and (allowed := objection(url, inside)):
                at = place(("sites", name, table, key), places)
                found[at] = RulesProblem(at[0], at[1], shown_key(at[2]), shown_value(url), f"allowed is {allowed}")
    return list(found.values())
