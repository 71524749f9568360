"""Rules from the desk: try a text, check a draft, activate it, roll back.

To activate is to write the rules file: the service then takes it up as if it had been edited by hand, and every worker
has it within two seconds. The record names who did it, and both revisions; their difference can be shown for good.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from moderation.edges import journal, revisions, rules_file
from moderation.edges.rules_bundle import unbundle
from moderation.errors import (
    Forbidden,
    NotFound,
    RulesChanged,
    RulesInvalid,
    RulesNotWritable,
    StoreError,
)
from moderation.judge import ruleset
from moderation.judge.examples import case_of
from moderation.judge.explanation import Explained, explain
from moderation.rules_loading import Loaded, load_draft
from moderation.runtime import Runtime
from moderation.settings import Example, Rule
from moderation.values import Moderator, Right


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The rules file as it is: its text, a mark to know its bytes by, and what is wrong with it. Where the bytes are no
    text at all, the text is that of the last rules that took effect."""

    text: str
    mark: str
    problems: RulesInvalid | None


def listed(rt: Runtime, who: Moderator) -> Sequence[Rule]:
    """The rules in force that count on a site of theirs, in the order of the file, also those that are switched off."""
    return [rule for rule in rt.rules.rules if who.sites is None or not rule.sites or who.sites & set(rule.sites)]


def without_language(rules: Sequence[Rule]) -> list[str]:
    """The ids of those that ask for a language that nothing here can tell: they see an empty text."""
    return ruleset.without_language(rules)


def on_disk(rt: Runtime) -> OnDisk:
    """What stands in the rules file now, also where somebody has written only half of it."""
    raw = rules_file.on_disk(rt.env.rules_path)
    mark = hashlib.sha256(raw).hexdigest()[:32]
    try:
        return OnDisk(rules_file.read(rt.env.rules_path, rt.inside).text, mark, rt.rules_problems)
    except RulesInvalid as problems:
        return OnDisk(_text(rt, raw), mark, problems)


def _text(rt: Runtime, raw: bytes) -> str:
    try:
        text = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        text = ""
    if text and len(raw) <= rules_file.MOST_BYTES:
        return text
    with rt.store.reading() as tx:
        return text_of(revisions.latest(tx) or "")


def text_of(draft: str) -> str:
    """The text of a draft without the word lists that stand behind it."""
    return unbundle(draft)[0]


def try_text(rt: Runtime, who: Moderator, example: Example) -> Explained:
    """What would come of a text now. Raises Forbidden, NotFound (site)."""
    site = rt.rules.sites.get(example.site)
    if site is None:
        raise NotFound("site")
    if not who.may(Right.MANAGE_RULES, site.id):
        raise Forbidden(Right.MANAGE_RULES.value)
    return explain(case_of(example, site), site)


def check(rt: Runtime, text: str) -> Loaded:
    """A draft that is good, with its examples and the word lists as they are. Raises RulesInvalid."""
    return load_draft(text, rt.env.rules_path.parent, rt.inside)


def activate(rt: Runtime, who: Moderator, text: str, mark: str, request_id: str) -> str:
    """Put the draft in the place of the rules file that has this mark. The new revision. Raises RulesInvalid,
    RulesChanged, RulesNotWritable, Forbidden."""
    allow(who)
    return _put(rt, who, text, mark, "rules-activated", request_id)


def roll_back(rt: Runtime, who: Moderator, revision: str, request_id: str) -> str:
    """Put an earlier revision into force again. The revision. Raises NotFound, and all that `activate` raises."""
    allow(who)
    with rt.store.reading() as tx:
        found = revisions.find(tx, revision)
    if found is None:
        raise NotFound("revision")
    return _put(rt, who, found.source, None, "rules-rolled-back", request_id)


@lru_cache(maxsize=200)
def changed(before: str, after: str) -> tuple[int, int]:
    """How many lines came in, and how many went."""
    lines = difference(before, after)[2:]
    return sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)


def difference(before: str, after: str) -> list[str]:
    """The lines that differ, with two lines around them, as `diff -u` writes them."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2))


def _put(rt: Runtime, who: Moderator, text: str, mark: str | None, action: str, request_id: str) -> str:
    """The file is written inside the transaction of its row in the record, so that there is never one without the
    other; if the row cannot be kept, the old file comes back. One with mistakes, which no revision holds, is kept
    beside the new one."""
    loaded = check(rt, text)
    after = loaded.rules.revision
    before = on_disk(rt)
    if mark is not None and mark != before.mark:
        raise RulesChanged
    path, target = rt.env.rules_path, revisions.target_of(after)
    lists = {name: content for name, content in unbundle(text)[1].items() if name in loaded.source.lists}
    entry = journal.Entry(
        rt.now(),
        who.name,
        who.role,
        action,
        target=target,
        before=rt.rules.revision,
        after=after,
        request_id=request_id,
    )
    put_back: Callable[[], None] | None = None
    try:
        with rt.store.writing() as tx:
            journal.write(tx, [entry])
            try:
                if before.problems and path.exists():
                    rules_file.keep_beside(path, rt.now())
                put_back = rules_file.replace_all(path, loaded.source.text, lists)
            except OSError as error:
                raise RulesNotWritable(path.name, error.strerror or type(error).__name__) from None
    except StoreError:
        if put_back:
            put_back()
        raise
    rt.reload()
    return after


def allow(who: Moderator) -> None:
    """Raises Forbidden for whoever may not manage the rules on all sites: they stand in one file."""
    if not who.may(Right.MANAGE_RULES) or who.sites is not None:
        raise Forbidden(Right.MANAGE_RULES.value, on_all_sites=True)
