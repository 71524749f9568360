"""`docs/roles.md`: the table of rights, made from `values.RIGHTS`. `python -m moderation.roles_page > docs/roles.md`"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from moderation.tables import markdown
from moderation.values import RIGHTS, Right, Role

WORDS: Mapping[Right, str] = {
    Right.READ_QUEUE: "See the queue and what was decided",
    Right.DECIDE: "Approve, reject, mark as spam, hold, undo, escalate",
    Right.DECIDE_ESCALATED: "Decide what was escalated",
    Right.REVEAL_EMAIL: "See an author's e-mail address, for a typed reason that stands in the record",
    Right.MANAGE_ARTICLES: "Open and close articles",
    Right.BAN: "Ban or pre-moderate an author, an address or a network, and lift it again",
    Right.MANAGE_PEOPLE: "Add and change people and tokens, never with more rights than one's own",
    Right.READ_JOURNAL: "Read the record of who did what, and download it",
    Right.MANAGE_RULES: "Try rules on past comments; on all sites also draft, activate and roll them back",
    Right.HOLD: "Place a legal hold on a comment or its author, and lift it again",
}


def page() -> str:
    """The page in Markdown."""
    head = ["Right", "Scope of a token", *(role.value for role in Role)]
    rows = [
        [WORDS[right], f"`{right.value}`", *("yes" if right in RIGHTS[role] else "no" for role in Role)]
        for right in Right
    ]
    lines = [
        "# Roles",
        "",
        "Each person has one role, on all sites or on the ones that are named. This table is made from the code.",
        "",
        markdown(head, rows),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
