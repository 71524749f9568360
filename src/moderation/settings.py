"""Every setting there is: the rules file (`moderation.toml`) and the environment, as frozen pydantic models.

The rules file says what is done with comments; the environment says where things are and holds secrets. Field
descriptions here are the documentation: `docs/configuration.md` is made from them. Reading files is `edges/rules_file`.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from moderation.rates import parse_rate

_ORIGIN = re.compile(r"(https?)://((?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]))(?::(\d{1,5}))?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def _origin(text: str) -> str:
    """An exact web origin (RFC 6454) as browsers send it: in lower case, without the scheme's own port."""
    parts = _ORIGIN.fullmatch(text)
    port = int(parts[3]) if parts and parts[3] else None
    if not parts or (port is not None and not 1 <= port <= 65535):
        raise ValueError(
            'an exact origin such as "https://www.example.org", without a path or a wildcard (IDN as "xn--…")'
        )
    bare = f"{parts[1]}://{parts[2]}".lower()
    return bare if port in (None, _PORTS[parts[1].lower()]) else f"{bare}:{port}"


def _rate(text: str) -> str:
    try:
        parse_rate(text)
    except ValueError:
        raise ValueError('a rate such as "5/minute", "5/10minutes" or "300/day"') from None
    return text


def _term(text: str) -> str:
    text = " ".join(text.split())
    if not 1 <= len(text) <= 60 or not any(map(str.isalnum, text)):
        raise ValueError("a word or phrase with a letter or digit in it, of at most 60 characters")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('a time zone of the IANA database such as "Europe/Berlin"') from None
    return text


def _domain(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", text):
        raise ValueError('a domain in lower case such as "example.org" (IDN as "xn--…")')
    return text


def _network(text: str) -> str:
    network = ipaddress.ip_network(text)
    if network.prefixlen == 0:
        raise ValueError("a network smaller than the whole internet")
    return str(network)


Origin = Annotated[str, AfterValidator(_origin)]
Rate = Annotated[str, AfterValidator(_rate)]
Zone = Annotated[str, AfterValidator(_zone)]
Domain = Annotated[str, AfterValidator(_domain)]
Term = Annotated[str, AfterValidator(_term)]
Rates = Annotated[list[Rate], Field(max_length=5)]
Terms = Annotated[list[Term], Field(max_length=5000)]
Domains = Annotated[list[Domain], Field(max_length=5000)]
Network = Annotated[str, AfterValidator(_network)]
SiteId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Outcome = Literal["tag", "hold", "spam", "reject"]
"""What a rule may propose, mildest first. `tag` only marks the comment for moderators."""
Grade = Literal["off", "mild", "strong", "severe"]
"""How grave a word is; `off` is not a word to look for."""


class Table(BaseModel):
    """One table of the rules file: unknown keys are errors, types are exact, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Lengths(Table):
    """How long a comment's fields may be, in Unicode code points."""

    body_min: int = Field(1, ge=1, le=1000, description="Shortest text that is accepted.")
    body_max: int = Field(5000, ge=1, le=20000, description="Longest text that is accepted.")
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
        description="Per client address (IPv4; IPv6 by /64). The one limit whose state is told in headers.",
    )
    network: Rates = Field(["60/minute", "600/hour"], description="Per /48 of IPv6, the block one customer may hold.")
    email: Rates = Field(
        ["10/minute", "120/hour"],
        description="Per e-mail address. Going over it holds the comment in silence, so that it tells nobody about "
        "another's traffic.",
    )
    pair: Rates = Field(["5/minute", "40/hour"], description="Per e-mail address and client address together.")
    article: Rates = Field(["300/minute"], description="Per article.")
    site: Rates = Field(["1500/minute"], description="For the whole site.")
    burst: int = Field(
        5,
        ge=1,
        le=1000,
        description="How many comments one address, or one author at one address, may send at once; the shortest rate "
        "then spaces them out. The rate's own number where that is smaller.",
    )


class Words(Table):
    """The word list: what each grade of match leads to, and your own words."""

    severe: Outcome = Field("reject", description="For severe words.")
    strong: Outcome = Field("hold", description="For strong words.")
    mild: Outcome = Field("tag", description="For mild words.")
    deny: Terms = Field([], description="Your own words and phrases; each counts as strong. Matches whole words.")
    allow: Terms = Field([], description="Words and phrases that never match, for example a surname or a town.")
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
        "is named as `moderation filter` prints it.",
    )
    own: str = Field(
        "",
        max_length=300_000,
        description="Your own word list in the grammar of the shipped ones, between triple quotes: a line "
        "`[insult strong inflect]` (category, severity, boundary), then words with commas between them; "
        "`@language de` before words of another language; `[allow]` before words that excuse a match.",
    )
    mask: Literal["none", "severe", "strong", "mild"] = Field(
        "none",
        description="Show words of this grade and above to the public as `s***`. Moderators see the text as it was "
        "written, with the words marked.",
    )


class Links(Table):
    """Links in the text."""

    most: int = Field(2, ge=0, le=100, description="More links than this lead to `over`.")
    over: Outcome = Field("hold", description="For more links than `most`.")
    shorteners: Outcome = Field("hold", description="For a link through a shortener, which hides its target.")
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
        description="The same text by the same author under the same article within this time is refused with 409.",
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


class Reason(Table):
    """A reason a moderator may give for a rejection."""

    code: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="Stable code, kept in the record.")
    label: str = Field(min_length=1, max_length=80, description="The words on the button.")


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
    articles: Literal["any", "listed"] = Field(
        "any",
        description="`any`: an article is known from its first comment on. `listed`: only articles made known "
        "through the API.",
    )
    closed: bool = Field(False, description="The kill switch: nothing can be posted anywhere on the site.")
    close_after_days: int = Field(
        0, ge=0, le=36500, description="Articles take no comments after this many days; 0 for never."
    )
    depth: int = Field(5, ge=1, le=20, description="How deep replies are indented.")
    page_size: int = Field(100, ge=1, le=500, description="Comments on a page of a thread.")
    timezone: Zone = Field("UTC", description="The site's time zone, for what people read.")
    lengths: Lengths = Lengths()
    limits: Limits = Limits()
    words: Words = Words()
    links: Links = Links()
    style: Style = Style()
    duplicates: Duplicates = Duplicates()
    author: Author = Author()
    contacts: Contacts = Contacts()
    reasons: list[Reason] = Field(
        REASONS, min_length=1, max_length=30, description="The reasons a moderator can pick for a rejection."
    )


class Retention(Table):
    """How long data is kept, in days; 0 keeps it for good. A daily job does it (GDPR article 5(1)(e))."""

    address_days: int = Field(30, ge=0, le=3650, description="The keyed hash and the prefix of a client's address.")
    pending_days: int = Field(365, ge=0, le=3650, description="Comments that nobody decided.")
    rejected_days: int = Field(180, ge=0, le=3650, description="Rejected comments and spam.")
    journal_days: int = Field(1825, ge=0, le=36500, description="The record of decisions.")


class Rules(Table):
    """The rules file as a whole."""

    defaults: Site = Field(Site(), exclude=True, description="What holds for every site that does not say otherwise.")
    sites: dict[SiteId, Site] = Field(min_length=1, max_length=1000, description="The sites, by id.")
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


class Environment(BaseSettings):
    """Where things are, and secrets. Each may also come in a file: `MODERATION_REDIS_URL_FILE=/run/secrets/redis`."""

    model_config = SettingsConfigDict(env_prefix="MODERATION_", extra="ignore", frozen=True)

    state: Path = Field(
        Path("state"), description="Folder of the embedded database, the embedded Redis, the keys and the rules file."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(2, ge=1, le=64, description="Worker processes.")
    threads: int = Field(32, ge=2, le=256, description="Threads a worker.")
    base_url: str = Field(
        "",
        description="The service's own address as browsers see it, e.g. https://comments.example.org. "
        "http://HOST:PORT where empty.",
    )
    database_url: str = Field("", description="SQLAlchemy URL of the store. SQLite in the state folder where empty.")
    redis_url: str = Field("", description="URL of Redis or Valkey. The embedded server where empty.")
    rules: Path | None = Field(None, description="The rules file. STATE/moderation.toml where empty.")
    keys: Path | None = Field(None, description="The key file, mode 0600. STATE/keys.json where empty.")
    trusted_proxies: Annotated[list[Network], NoDecode] = Field(
        [], description="Networks whose X-Forwarded-For counts, with commas between them. None by default."
    )
    session_idle_minutes: int = Field(
        60, ge=5, le=1440, description="A moderator is signed out after this much idle time."
    )
    session_hours: int = Field(12, ge=1, le=168, description="A moderator is signed out after this time in any case.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, data: dict[str, Any]) -> dict[str, Any]:
        proxies = data.get("trusted_proxies")
        if isinstance(proxies, str):
            data["trusted_proxies"] = [part.strip() for part in proxies.split(",") if part.strip()]
        return data

    @property
    def rules_path(self) -> Path:
        return self.rules or self.state / "moderation.toml"

    @property
    def keys_path(self) -> Path:
        return self.keys or self.state / "keys.json"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.state / 'moderation.db').absolute()}"

    @property
    def public_url(self) -> str:
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _FileVariables(settings_cls))


class _FileVariables(PydanticBaseSettingsSource):
    """`MODERATION_REDIS_URL_FILE=/run/secrets/redis` reads the value of `redis_url` from that file."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"MODERATION_{field_name.upper()}_FILE")
        return (Path(path).read_text("utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}
