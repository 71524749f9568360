"""What a page of the queue is asked to show, as it stands in its address: tab, filters, sort, place. Knows no markup.

A form of the page carries its view along as one field, `view`, so that a decision leads back to where it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from moderation.catalogue import _
from moderation.edges import likeness, queries, queue
from moderation.edges.queue import Asked
from moderation.edges.schema import Tx
from moderation.errors import NotFound
from moderation.settings import Reason, Site
from moderation.values import Moderator, Right, Sort, Status
from moderation.web import sentences
from moderation.web.context import rt
from moderation.web.languages import LANGUAGES, language_name

TABS: tuple[tuple[str, str, Status | None], ...] = (
    ("pending", "Pending", Status.PENDING),
    ("reported", "Reported", Status.APPROVED),
    ("approved", "Approved", Status.APPROVED),
    ("rejected", "Rejected", Status.REJECTED),
    ("spam", "Spam", Status.SPAM),
    ("all", "All", None),
)
AGES: Mapping[str, tuple[str, timedelta]] = {
    "last-hour": ("the last hour", timedelta(hours=1)),
    "last-day": ("the last 24 hours", timedelta(days=1)),
    "last-week": ("the last 7 days", timedelta(days=7)),
    "over-hour": ("over an hour old", timedelta(hours=1)),
    "over-day": ("over 24 hours old", timedelta(days=1)),
    "over-week": ("over 7 days old", timedelta(days=7)),
}
SORTS: Mapping[str, str] = {
    Sort.OLDEST.value: "oldest first",
    Sort.NEWEST.value: "newest first",
    Sort.GRAVEST.value: "most severe first",
    Sort.ARTICLE.value: "article by article",
    Sort.REPORTED.value: "most reported first",
}


@dataclass(frozen=True, slots=True)
class View:
    """Each field is a word of the address; an empty one asks for nothing. `author` is the id of a comment of theirs,
    `like` that of one whose near copies are asked for."""

    status: str = "pending"
    site: str = ""
    article: str = ""
    rule: str = ""
    language: str = ""
    by: str = ""
    author: str = ""
    like: str = ""
    q: str = ""
    age: str = ""
    sort: str = ""
    escalated: str = ""
    mode: str = ""
    cursor: str = ""

    def query(self, **other: str) -> str:
        asked = {field.name: getattr(self, field.name) for field in fields(self)} | other
        return urlencode({name: value for name, value in asked.items() if value})

    def path(self, **other: str) -> str:
        return "/desk/?" + self.query(**other)

    @property
    def wanted(self) -> Status | None:
        return next(status for tab, _label, status in TABS if tab == self.status)

    @property
    def title(self) -> str:
        """What the tab is called."""
        return next(_(label) for tab, label, _status in TABS if tab == self.status)

    @property
    def order(self) -> Sort:
        """Pending ones oldest first, as they wait; what readers reported most reported first; the others newest first,
        unless something else is asked for."""
        if self.sort:
            return Sort(self.sort)
        if self.is_of_reported:
            return Sort.REPORTED
        return Sort.OLDEST if self.wanted is Status.PENDING else Sort.NEWEST

    @property
    def is_of_reported(self) -> bool:
        """Whether the tab is that of public comments with open reports of readers."""
        return self.status == "reported"

    @property
    def is_filtered(self) -> bool:
        """Whether something narrower is asked for than a tab of one or all sites."""
        return any(
            (self.article, self.rule, self.language, self.by, self.author, self.like, self.age, self.q, self.escalated)
        ) or (self.order is Sort.REPORTED and not self.is_of_reported)


def view_of(given: Mapping[str, str], who: Moderator) -> View:
    """The view of an address. What is unknown in it asks for nothing; raises NotFound for a site that is not theirs."""
    asked = {field.name: given.get(field.name, "")[:200] for field in fields(View)}
    if asked["status"] not in {tab for tab, _, _ in TABS}:
        asked["status"] = "pending"
    if asked["site"] and asked["site"] not in sites_of(who):
        raise NotFound("site")
    for name, is_known in (
        ("article", is_number(asked["article"])),
        ("rule", asked["rule"].isprintable()),
        ("language", asked["language"] in LANGUAGES),
        ("by", asked["by"] == "me"),
        ("author", _is_id(asked["author"])),
        ("like", _is_id(asked["like"])),
        ("q", asked["q"].isprintable()),
        ("age", asked["age"] in AGES),
        ("sort", asked["sort"] in SORTS),
        ("mode", asked["mode"] == "focus"),
        ("escalated", asked["escalated"] == "only"),
    ):
        if not is_known:
            asked[name] = ""
    view = View(**asked)
    return replace(view, sort="") if view.sort and view.order is replace(view, sort="").order else view


def view_in(form: Mapping[str, str], who: Moderator) -> View:
    """The view that a form carries along."""
    return view_of(dict(parse_qsl(form.get("view", "")[:2000])), who)


def _is_id(text: str) -> bool:
    return len(text) == 16 and text.isascii() and text.isalnum()


def is_number(text: str) -> bool:
    """Whether it is the number of a row."""
    return text.isascii() and text.isdigit() and len(text) < 16


def asked_by(view: View, tx: Tx, who: Moderator, now: datetime) -> Asked:
    """The view as the store is asked for it. Raises NotFound for an author this person may not see."""
    author = _author(tx, who, view.author)
    alike = queries.comment(tx, view.like) if _author(tx, who, view.like) else None
    age = now - AGES[view.age][1] if view.age else None
    return Asked(
        sites=sites_asked(view, who),
        status=view.wanted,
        article=int(view.article) if view.article else None,
        rule=view.rule or None,
        language=view.language or None,
        decided_by=who.name if view.by else None,
        author=author,
        since=age if view.age.startswith("last") else None,
        until=age if view.age.startswith("over") else None,
        sort=view.order,
        words=view.q,
        escalated=_escalated(view, who),
        reported=view.is_of_reported,
        among=likeness.like(tx, alike.id, alike.body, sites_asked(view, who)) if alike else None,
    )


def _escalated(view: View, who: Moderator) -> bool | None:
    """What waits for seniors stands among what waits for those who may decide it; others find it when they ask."""
    if view.escalated:
        return True
    return None if view.wanted is not Status.PENDING or who.may(Right.DECIDE_ESCALATED) else False


def _author(tx: Tx, who: Moderator, comment_id: str) -> queue.Author | None:
    """Who wrote the comment that a filter names. Raises NotFound where this person may not see it."""
    author = queue.author_of(tx, comment_id) if comment_id else None
    if comment_id and (author is None or not who.may(Right.READ_QUEUE, author.site)):
        raise NotFound("comment")
    return author


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in words, and the address of the page without it."""

    label: str
    words: str
    without: str


def chips(view: View, tx: Tx, asked: Asked) -> list[Chip]:
    """The filters that are on."""
    article = queries.article_by_id(tx, asked.article) if asked.article is not None else None
    title = (article.title or article.key) if article and _may_show(asked, article.site) else _("unknown")
    told = {
        "site": (_("Site"), settings_of(view.site).name or view.site),
        "q": (_("Words"), view.q),
        "article": (_("Article"), title),
        "author": (_("Author"), asked.author.name if asked.author else ""),
        "like": (_("Much like"), _excerpt(tx, view.like)),
        "rule": (_("Because of"), sentences.rule(view.rule)),
        "by": (_("Decided by"), _("you")),
        "language": (_("Language"), language_name(view.language)),
        "age": (_("From"), _(AGES[view.age][0]) if view.age else ""),
        "escalated": (_("Only"), _("what was escalated")),
    }
    return [
        Chip(label, words, view.path(**{name: "", "cursor": ""}))
        for name, (label, words) in told.items()
        if getattr(view, name)
    ]


def _excerpt(tx: Tx, comment_id: str) -> str:
    found = queries.comment(tx, comment_id) if comment_id else None
    return " ".join(found.body.split())[:60] if found else ""


def _may_show(asked: Asked, site: str) -> bool:
    return asked.sites is None or site in asked.sites


def sites_of(who: Moderator) -> dict[str, Site]:
    """The sites this person may look at, in the order of the rules file."""
    return {site_id: site.settings for site_id, site in rt().rules.sites.items() if who.may(Right.READ_QUEUE, site_id)}


def tells_language() -> bool:
    """Whether the language of comments is kept anywhere."""
    return any(site.tells_language for site in rt().rules.sites.values())


def sites_asked(view: View, who: Moderator) -> list[str] | None:
    """The one site that is asked for, else all of theirs; None for all there are."""
    if view.site:
        return [view.site]
    return None if who.sites is None else sorted(who.sites)


def settings_of(site_id: str) -> Site:
    """The site's settings. A site that has left the rules file still has comments, and gets the defaults."""
    site = rt().rules.sites.get(site_id)
    return site.settings if site else Site(name=site_id)


def reasons_in(view: View, who: Moderator) -> list[Reason]:
    """The reasons for all that a view may hold: those of its site, of their only site, else those every site has."""
    theirs = list(sites_of(who))
    site = theirs[0] if len(theirs) == 1 else view.site
    return settings_of(site).reasons


def zone_of(site_id: str) -> ZoneInfo:
    """The time zone in which the site's people read times."""
    return ZoneInfo(settings_of(site_id).timezone)
