"""The table of facts in `docs/rules.md`, made from `conditions.facts`. `python -m moderation.facts_page` prints it."""

from __future__ import annotations

import sys

from moderation.conditions.facts import FACTS
from moderation.tables import markdown


def table() -> str:
    """The table in Markdown."""
    rows = ([f"`{fact.name}`", str(fact.type), fact.meaning] for fact in FACTS)
    return markdown(["Fact", "Type", "What it is"], rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
