"""Every setting of the rules file (`moderation.toml`), which says what is done with comments, as frozen models.

Field descriptions here are the documentation: `docs/configuration.md` is made from them and from `environment`, which
says where things are. Reading files is `edges/rules_file`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from moderation.durations import parse_duration
from moderation.setting_values import (
    Contact,
    Domains,
    Email,
    Event,
    Grade,
    ListName,
    Origin,
    Outcome,
    Rates,
    SiteId,
    Term,
    Terms,
    Time,
    Zone,
    address_such_as,
)


class Table(BaseModel):
    """One table of the rules file: unknown keys are errors, types are exact, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


BODY_MOST = 20_000
"""The longest text that any site can accept, in code points."""


class Lengths(Table):
    """How long a comment's fields may be, in Unicode code points."""

    body_min: int = Field(1, ge=1, le=1000, description="Shortest text that is accepted.")
    body_max: int = Field(5000, ge=1, le=BODY_MOST, description="Longest text that is accepted.")
    name_max: int = Field(80, ge=1, le=200, description="Longest author name.")
    url_max: int = Field(300, ge=20, le=2000, description="Longest website address.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.body_min > self.body_max:
            raise ValueError("a body_min that is not greater than body_max")
        return self


class Limits(Table):
    """Rate limits. Each is a list of rates such as `"5/minute"`, all of which must allow; an empty list is no limit."""

    address: Rates = Field(
        ["5/minute", "60/hour"],
        description="Per client address (by the prefixes `ipv4` and `ipv6`). The one limit whose state is told in "
        "headers.",
    )
    network: Rates = Field(
        ["60/minute", "600/hour"],
        description="Per network of IPv6 (by the prefix `ipv6_network`), the block one customer may hold.",
    )
    email: Rates = Field(
        ["10/minute", "120/hour"],
        description="Per e-mail address. Going over it holds the comment in silence, so that it tells nobody about "
        "another's traffic.",
    )
    pair: Rates = Field(["5/minute", "40/hour"], description="Per e-mail address and client address together.")
    article: Rates = Field(["300/minute"], description="Per article.")
    site: Rates = Field(["1500/minute"], description="For the whole site.")
    fuse: Rates = Field(
        ["600/minute"],
        description="For the whole site, too, but nobody is refused: over it every comment is held, whatever the mode "
        "and the rules say, and the desk tells so. It ends by itself when the wave is over.",
    )
    letter: Rates = Field(
        ["2/day"],
        description="Per e-mail address: letters that ask to confirm it, and apart from them letters with a link to "
        "one's data. Over it, none is sent.",
    )
    report: Rates = Field(["5/minute", "30/day"], description="Per client address: comments that readers report.")
    report_letter: Rates = Field(
        ["5/hour", "10/day"],
        description="Per e-mail address: reports by readers that are confirmed and answered by letter. Over it, the "
        "report counts as one without an address.",
    )
    letters: Rates = Field(["300/hour", "2000/day"], description="Such letters of the whole site.")
    burst: int = Field(
        5,
        ge=1,
        le=1000,
        description="How many comments one address, or one author at one address, may send at once; the shortest rate "
        "then spaces them out. The rate's own number where that is smaller.",
    )
    ipv4: int = Field(
        32,
        ge=16,
        le=32,
        description="How many bits of an IPv4 address tell one client from another; 32 for all of them.",
    )
    ipv6: int = Field(
        64,
        ge=32,
        le=128,
        description="The same of IPv6. A household has a /64, and chooses addresses in it as it likes.",
    )
    ipv6_network: int = Field(48, ge=16, le=127, description="The same for `network`; fewer than `ipv6`.")
    link_cost: int = Field(
        2,
        ge=1,
        le=100,
        description="What a comment with a link counts as, for its address, network and author. 1: as any other.",
    )
    penalty_most: int = Field(
        0,
        ge=0,
        le=1000,
        description="Who goes on sending while refused waits longer: each refused comment counts for its address and "
        "author, until so many are on top of the limit. 0: a refused one costs nothing, and no wait grows.",
    )
    regular_approved: int = Field(
        10, ge=1, le=100_000, description="A verified author with so many approved comments is a regular."
    )
    regular_factor: int = Field(
        3, ge=1, le=100, description="A regular may send so many times as much, by `address`, `email` and `pair`."
    )

    @model_validator(mode="after")
    def _nested(self) -> Self:
        if self.ipv6_network >= self.ipv6:
            raise ValueError("an ipv6_network that is smaller than ipv6")
        return self


class Words(Table):
    """The word list: what each grade of match leads to, and your own words."""

    severe: Outcome = Field("reject", description="For severe words.")
    strong: Outcome = Field("hold", description="For strong words.")
    mild: Outcome = Field("tag", description="For mild words.")
    deny: Terms = Field([], description="Your own words and phrases; each counts as strong. Matches whole words.")
    allow: Terms = Field(
        [],
        description="Words and phrases that never match, for example a surname or a town; a shipped word with its "
        "inflected forms.",
    )
    languages: list[str] = Field(
        ["en"],
        max_length=100,
        description="The site's languages (ISO 639-1), whose whole lists are used. The unmistakable core of every "
        "other language is on as well, unless it is in `off`.",
    )
    off: list[str] = Field([], max_length=100, description="Languages whose words are not looked for at all.")
    regrade: dict[Term, Grade] = Field(
        {},
        max_length=5000,
        description='New grades for shipped words: `{ bloody = "off", crap = "strong" }`. `off` drops the word. A word '
        "is named as `moderation filter` prints it; its inflected forms follow, where they have no grade of their own "
        "here or in the list.",
    )
    own: str = Field(
        "",
        max_length=300_000,
        description="Your own word list in the grammar of the shipped ones, between triple quotes: a line "
        "`[insult strong inflect]` (category, severity, boundary), then words with commas between them; "
        "`@language de` before words of another language; `[allow]` before words that excuse a match.",
    )
    lists: list[ListName] = Field(
        [],
        max_length=20,
        description='Word lists in files of their own beside the rules file, in the grammar of `own`: `["shop.txt"]`. '
        "They are taken up when they change, like the rules file.",
    )
    mask: Literal["none", "severe", "strong", "mild"] = Field(
        "none",
        description="Show words of this grade and above to the public as `s***`. Moderators see the text as it was "
        "written, with the words marked. An author's name is shown whole, so a comment whose name holds such a word "
        "waits for them.",
    )


class Links(Table):
    """Links in the text."""

    most: int = Field(2, ge=0, le=100, description="More links than this lead to `over`.")
    over: Outcome = Field("hold", description="For more links than `most`.")
    shorteners: Outcome = Field("hold", description="For a link through a shortener, which hides its target.")
    disguised: Outcome = Field(
        "hold",
        description="For a link that shows one site and leads to another: `[bank.example](https://evil.example)`.",
    )
    deny: Domains = Field([], description="Domains that lead to `denied`; sub-domains count.")
    denied: Outcome = Field("spam", description="For a link to a domain in `deny`.")
    allow: Domains = Field([], description="Domains that are not counted; sub-domains count.")


class Style(Table):
    """Shouting and repetition."""

    shouting_share: float = Field(0.7, ge=0.3, le=1.0, description="Share of capital letters from which a text shouts.")
    shouting_letters: int = Field(20, ge=5, le=1000, description="Texts with fewer cased letters never shout.")
    shouting: Outcome = Field("hold", description="For a text that shouts.")
    longest_run: int = Field(
        12, ge=3, le=1000, description="More of the same character in a row than this is repetition."
    )
    repeated_share: float = Field(
        0.6,
        ge=0.2,
        le=1.0,
        description="Share of words that repeat earlier ones from which a text of ten words or more is repetition.",
    )
    repetition: Outcome = Field("hold", description="For repetition.")


class Duplicates(Table):
    """The same text again."""

    window_minutes: int = Field(
        10,
        ge=1,
        le=1440,
        description="The same text by the same author under the same article within this time is refused with 409. The "
        "author is whom they proved to be, else a name at a client address.",
    )
    near_count: int = Field(
        3, ge=1, le=1000, description="A text seen this often in the last hour, by whomever, leads to `near`."
    )
    near: Outcome = Field("hold", description="For a text seen `near_count` times or more.")


class Author(Table):
    """What is known of the author."""

    disposable_email: Outcome = Field("hold", description="For an e-mail address of a disposable provider.")
    refused_most: int = Field(
        3,
        ge=1,
        le=1000,
        description="This many earlier comments rejected or marked as spam, and more of them than approved, lead to "
        "`refused`.",
    )
    refused: Outcome = Field("hold", description="For an author with such a record.")


class Contacts(Table):
    """E-mail addresses and phone numbers typed into the text."""

    mask: bool = Field(True, description="Hide them from the public. Moderators see them marked.")
    found: Outcome = Field("tag", description="For a text that holds any.")


class Form(Table):
    """What the form tells that a comment was typed into. It carries a token of ours, which says when and for which
    article it was handed out, and a field that people do not see. None of it refuses anybody; all may be weighed.
    """

    missing: Literal["pass", "tag", "hold"] = Field(
        "pass", description="For a comment without a token: by a form or script of the publisher's own."
    )
    forged: Literal["tag", "hold"] = Field("hold", description="For a token that is not ours, or of another article.")
    used: Literal["tag", "hold"] = Field("hold", description="For a token that has brought another comment before.")
    least_seconds: int = Field(2, ge=0, le=600, description="Fewer seconds from form to comment lead to `early`.")
    early: Literal["tag", "hold"] = Field("hold", description="For a comment that came quicker than people type.")
    most_hours: int = Field(24, ge=1, le=24, description="More hours from form to comment lead to `late`.")
    late: Literal["tag", "hold"] = Field("tag", description="For a form that was kept for long.")
    trap: Literal["tag", "hold"] = Field("hold", description="For a comment with the unseen field filled in.")
    proof: Literal["off", "suspicion", "always"] = Field(
        "off",
        description="Proof of work: browsers do a small calculation while their readers write. With `suspicion` a "
        "comment may come without, unless something else about it stands out: a link, a copy, a busy address, no form "
        "of ours.",
    )
    unproved: Literal["tag", "hold"] = Field(
        "hold", description="For a comment without a solution, for example from a browser without JavaScript."
    )
    proof_wrong: Literal["tag", "hold"] = Field("hold", description="For a solution that is wrong, or was used before.")
    proof_late: Literal["tag", "hold"] = Field("tag", description="For one that came after `proof_minutes`.")
    proof_minutes: int = Field(60, ge=15, le=720, description="How long a solution is good.")
    proof_numbers: int = Field(
        50_000,
        ge=1000,
        le=1_000_000,
        description="Among how many numbers it is looked for. A browser tries half of them on average, about 50,000 a "
        "second.",
    )


class Login(Table):
    """Authors who have signed in at the publisher's own login, as a token tells that it has signed. See docs/api.md."""

    issuer: str = Field(
        "", max_length=200, description="Who signs, to the letter (`iss`). No tokens are taken where it is empty."
    )
    audience: str = Field("", max_length=200, description="For whom they are (`aud`). The site's id, where empty.")
    algorithm: Literal["HS256", "HS512", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"] = Field(
        "RS256", description="The one algorithm (`alg`) that counts. `HS…` is by a shared secret."
    )
    keys: Annotated[str, address_such_as("https://login.example.org/keys.json")] = Field(
        "",
        description="Where the publisher's JWK Set is, with https; fetched every ten minutes. Where empty, it is the "
        "file `SITE.json` in the folder `MODERATION_LOGIN_KEYS`, also with a shared secret.",
    )
    leeway_seconds: int = Field(60, ge=0, le=300, description="How far the clocks may be apart.")
    most_hours: int = Field(24, ge=1, le=720, description="A token that was signed longer ago does not count.")


class Webhook(Table):
    """Where the site's other programs are told what happens to comments. See docs/api.md."""

    url: Annotated[str, address_such_as("https://cms.example.org/hooks/comments")] = Field(
        "",
        max_length=500,
        description="An address with https; nothing is told where it is empty. `moderation webhooks show` prints its "
        "secret.",
    )
    events: list[Event] = Field(
        ["comment.decided", "comment.changed", "comment.edited", "comment.withdrawn"],
        min_length=1,
        max_length=5,
        description="What is told. `comment.received` tells of every new comment.",
    )


class External(Table):
    """A check by somebody outside: Akismet, or a service of your own. It is asked after a comment was taken in, which
    waits for the answer. See docs/api.md for what it is told."""

    kind: Literal["off", "akismet", "generic"] = Field(
        "off",
        description="`akismet`: by Akismet's protocol, with the key in `MODERATION_AKISMET_KEYS`. `generic`: a service "
        "of your own, whose secret `moderation webhooks show` prints.",
    )
    url: Annotated[str, address_such_as("https://check.example.org/comments")] = Field(
        "",
        max_length=500,
        description="Its address, with https. Must be given for `generic`; Akismet's own (https://rest.akismet.com) "
        "where empty.",
    )
    seconds: int = Field(
        3,
        ge=1,
        le=10,
        description="How long an answer may take. Without one the comment goes on waiting, and is asked about again "
        "for half a day.",
    )
    spam: Literal["tag", "hold", "spam"] = Field("spam", description="For a comment that it takes for spam.")
    blatant: Literal["tag", "hold", "spam", "reject"] = Field(
        "spam", description="For one that Akismet would throw away (`X-akismet-pro-tip: discard`)."
    )
    send_address: bool = Field(
        False,
        description="Tell it the network address that a comment came from. The e-mail address is never told.",
    )
    correct: bool = Field(
        True,
        description="Tell Akismet, after `grace_seconds`, what a moderator took for spam and it did not, or the other "
        "way round.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.kind == "generic" and not self.url:
            raise ValueError('an url as well, where kind is "generic"')
        return self

    @property
    def name(self) -> str:
        """What people call it."""
        return "Akismet" if self.kind == "akismet" else urlsplit(self.url).hostname or "the check outside"


class Receipt(Table):
    """What authors may do by the receipt of their comment: see how it stands, take it back, write it anew, and ask once
    for a second look at a rejection."""

    edit_minutes: int = Field(
        15,
        ge=0,
        le=1440,
        description="How long a comment may be written anew. The new text waits for a moderator; 0 for never.",
    )
    tell_reasons: bool = Field(
        False, description="Tell the author the label of the reason for a moderator's rejection."
    )
    quiet_minutes: int = Field(
        60,
        ge=0,
        le=1440,
        description="How long a refusal by rules alone is told as waiting, so that nobody tries out what they pass.",
    )
    appeal_days: int = Field(
        183,
        ge=0,
        le=3650,
        description="How long after a rejection its author may ask once for a second look by a moderator; 0 for never. "
        "The Digital Services Act (article 20) has six months.",
    )


class Reason(Table):
    """A reason a moderator may give for a rejection."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Stable code, kept in the record.")
    label: str = Field(min_length=1, max_length=80, description="The words on the button.")

    @property
    def words(self) -> str:
        """The label; one that is shipped in the language that is spoken."""
        from moderation.catalogue import spoken

        return self.said_in(spoken())

    def said_in(self, language: str) -> str:
        """The label; one that is shipped in `language`."""
        from moderation.catalogue import said_in  # which the commands about text start without

        return said_in(language, self.label) if self in REASONS else self.label


REASONS = [
    Reason(code="off-topic", label="Off topic"),
    Reason(code="abuse", label="Abuse or insult"),
    Reason(code="privacy", label="Private data"),
    Reason(code="advertising", label="Advertising"),
    Reason(code="illegal", label="Against the law"),
]


class Site(Table):
    """One site. Everything here may also stand under `[defaults]` for all sites."""

    name: str = Field("", max_length=120, description="The name people see. The id, where empty.")
    origins: list[Origin] = Field(
        [], max_length=100, description="Exact origins whose pages may post and whose URLs may name articles."
    )
    mode: Literal["pre", "first", "post"] = Field(
        "pre",
        description="`pre`: every comment waits for a moderator. `first`: until a verified author has "
        "`first_approved` approved comments. `post`: published unless a rule objects.",
    )
    first_approved: int = Field(3, ge=1, le=1000, description="For the mode `first`.")
    email: Literal["required", "optional"] = Field("required", description="Whether an e-mail address must be given.")
    verify: Literal["off", "mail"] = Field(
        "off",
        description="`mail`: who comments with an e-mail address gets a letter with a link to confirm it. Later "
        "comments from the browser that did are of a verified author.",
    )
    articles: Literal["any", "listed"] = Field(
        "any",
        description="`any`: an article is known from its first comment on. `listed`: only articles made known "
        "through the API.",
    )
    closed: bool = Field(False, description="The kill switch: nothing can be posted anywhere on the site.")
    close_after_days: int = Field(
        0, ge=0, le=36500, description="Articles take no comments after this many days; 0 for never."
    )
    grace_seconds: int = Field(
        120,
        ge=0,
        le=3600,
        description="How long the outside waits to be told of a decision. What is undone within this time is never "
        "told.",
    )
    promise: Time = Field(
        "",
        description='How long a comment waits for a decision at most, such as "30 minutes", "4 hours" or "2 days". The '
        "desk and a metric show how it is kept. No promise where empty.",
    )
    promise_mail: list[Email] = Field(
        [], max_length=20, description="Who gets one letter by e-mail when the promise is broken."
    )
    reports: bool = Field(True, description="Readers can report a public comment, for one of `reasons`.")
    reports_hold: int = Field(
        0,
        ge=0,
        le=100,
        description="So many open reports, each from another household, have a public comment wait for a moderator; 0 "
        "for never. What a moderator has kept in spite of reports stays where it is.",
    )
    redress: str = Field(
        "",
        max_length=500,
        description="What a reader is told who does not agree with what was decided about their report, or after a "
        "second look at their comment: to whom they can write. A general sentence where empty.",
    )
    contact: Contact = Field(
        "",
        max_length=200,
        description="Whom readers write to about their data where no letters are sent: an e-mail address or an address "
        "of the web, which everybody sees. Where empty, they are told to turn to the site.",
    )
    depth: int = Field(5, ge=1, le=20, description="How deep replies are indented.")
    page_size: int = Field(100, ge=1, le=500, description="Comments on a page of a thread.")
    language: Literal["en", "de"] = Field("en", description="What the site's readers are spoken to in.")
    tell_language: bool = Field(
        False,
        description="Find out in which language each comment is written, so that the desk can filter by it. Takes the "
        "package that `comment.language` takes ([rules.md](rules.md)), and is done anyway where a rule asks for that.",
    )
    timezone: Zone = Field("UTC", description="The site's time zone, for what people read.")
    lengths: Lengths = Lengths()
    limits: Limits = Limits()
    words: Words = Words()
    links: Links = Links()
    style: Style = Style()
    duplicates: Duplicates = Duplicates()
    author: Author = Author()
    contacts: Contacts = Contacts()
    form: Form = Form()
    login: Login = Login()
    webhook: Webhook = Webhook()
    external: External = External()
    receipt: Receipt = Receipt()
    reasons: list[Reason] = Field(
        REASONS,
        min_length=1,
        max_length=30,
        description="The reasons a moderator can pick for a rejection, and a reader for a report.",
    )

    @property
    def promised(self) -> timedelta | None:
        """`promise` as a time."""
        return parse_duration(self.promise) if self.promise else None


class Rule(Table):
    """A rule of your own: where its condition holds, it proposes what `then` says. See docs/rules.md."""

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$",
        description="Names the rule in the record, in small letters, digits and hyphens.",
    )
    when: str = Field(
        min_length=1, max_length=2000, description="The condition, in CEL over the facts in docs/rules.md."
    )
    then: Literal["observe", "tag", "hold", "spam", "reject", "approve"] = Field(
        description="What the rule proposes. The gravest proposal wins; `observe` only counts."
    )
    because: str = Field("", max_length=200, description="Why, in a sentence for moderators.")
    public: str = Field("", max_length=40, description="A reason's code from `reasons` that the reader may be told.")
    sites: list[SiteId] = Field([], max_length=1000, description="Only these sites; all, where empty.")
    articles: list[str] = Field(
        [], max_length=1000, description="Only these articles, by id or address; all, where empty."
    )
    enabled: bool = Field(True, description="false takes the rule out without deleting it.")
    shadow: bool = Field(
        False, description="Only count what the rule would have done. The desk compares it with what moderators decide."
    )


class ExampleAuthor(Table):
    """Who wrote an example."""

    name: str = Field("Ana", min_length=1, max_length=200, description="The name.")
    website: str = Field("", max_length=2000, description="The website.")
    has_email: bool = Field(True, description="Whether an e-mail address was given.")
    disposable_email: bool = Field(False, description="Whether it is of a throw-away kind.")
    verified: bool = Field(False, description="Whether the author proved who they are.")
    approved: int = Field(0, ge=0, description="Earlier comments that are approved.")
    rejected: int = Field(0, ge=0, description="Earlier comments that are rejected.")
    spam: int = Field(0, ge=0, description="Earlier comments that are spam.")
    known_days: int = Field(0, ge=0, le=36500, description="Days since the first comment.")


class ExampleArticle(Table):
    """Where an example was written."""

    id: str = Field("example", min_length=1, max_length=500, description="The article's id.")
    comments: int = Field(0, ge=0, description="Public comments under it.")
    age_days: int = Field(0, ge=0, le=36500, description="Days since it became known.")
    tags: list[str] = Field([], max_length=30, description="Its tags.")
    closed: bool = Field(False, description="Whether it takes no comments any more.")


class ExampleRequest(Table):
    """How an example came."""

    reply: bool = Field(False, description="Whether it answers another comment.")
    address_recent: int = Field(0, ge=0, description="Earlier comments from the same network address.")
    seen: int = Field(0, ge=0, description="How often the same text came in the hour before.")
    seconds_to_submit: int = Field(0, ge=0, description="Seconds from form to comment; 0 where nobody can tell.")


class Example(Table):
    """A text and what must come of it. A rules file whose examples come out otherwise does not take effect."""

    text: str = Field(min_length=1, max_length=20000, description="The text.")
    then: Literal["clean", "approve", "hold", "spam", "reject"] | None = Field(
        None, description="The decision; `clean`, if nothing may speak against it, whatever the site does with it."
    )
    fires: list[str] = Field([], max_length=100, description="Rules and checks that must find something.")
    silent: list[str] = Field([], max_length=100, description="Rules and checks that must find nothing.")
    site: str = Field("", max_length=40, description="The site; the file's first, where empty.")
    at: datetime | None = Field(None, description="When it came: a date and time without quotes, in the site's zone.")
    author: ExampleAuthor = ExampleAuthor()
    article: ExampleArticle = ExampleArticle()
    request: ExampleRequest = ExampleRequest()


class Retention(Table):
    """How long data is kept; 0 days keep it for good. A daily job does it (GDPR article 5(1)(e))."""

    address_days: int = Field(30, ge=0, le=3650, description="The keyed hash and the prefix of a client's address.")
    pending_days: int = Field(365, ge=0, le=3650, description="Comments that nobody decided.")
    rejected_days: int = Field(180, ge=0, le=3650, description="Rejected comments and spam.")
    approved_days: int = Field(0, ge=0, le=36500, description="Published comments, once nobody's answer hangs on them.")
    reports_days: int = Field(180, ge=0, le=3650, description="Reports by readers that were decided about.")
    journal_days: int = Field(1825, ge=0, le=36500, description="The record of decisions.")
    authors_days: int = Field(
        180,
        ge=0,
        le=3650,
        description="Who proved who they are, after the last time, once no comment of theirs is left.",
    )
    # No shorter than it is tried to deliver them.
    letters_days: int = Field(
        7, ge=5, le=365, description="What webhooks were told, and the traces of letters by e-mail that were sent."
    )
    jobs_days: int = Field(7, ge=1, le=365, description="Finished decisions about many comments at once.")
    backtests_days: int = Field(1, ge=1, le=30, description="Reports of backtests from the desk, which quote comments.")
    # No shorter than a form may be old, whose token is such a key; shorter than a former `rate` key is kept (two days).
    idempotency_hours: int = Field(
        24, ge=24, le=47, description="The answer to an Idempotency-Key or a form, in case it is sent again."
    )


class Rules(Table):
    """The rules file as a whole."""

    defaults: Site = Field(Site(), exclude=True, description="What holds for every site that does not say otherwise.")
    sites: dict[SiteId, Site] = Field(min_length=1, max_length=1000, description="The sites, by id.")
    rules: list[Rule] = Field([], max_length=1000, description="Rules of your own, each a table `[[rules]]`.")
    examples: list[Example] = Field(
        [], max_length=2000, exclude=True, description="Texts and what must come of them, each a table `[[examples]]`."
    )
    retention: Retention = Retention()

    @model_validator(mode="before")
    @classmethod
    def _apply_defaults(cls, data: Any) -> Any:
        """`[defaults]` stands under every site; what a site says itself wins, table by table."""
        if not isinstance(data, dict):
            return data
        defaults, sites = data.get("defaults"), data.get("sites")
        if not isinstance(defaults, dict) or not isinstance(sites, dict):
            return data
        merged = {name: _merged(defaults, site) if isinstance(site, dict) else site for name, site in sites.items()}
        return data | {"sites": merged}


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = dict(under)
    for key, value in over.items():
        known = both.get(key)
        both[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return both
