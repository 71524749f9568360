"""`docs/configuration.md`, made from the models in `settings` and `environment`.

`python -m moderation.settings_page > docs/configuration.md`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from moderation.environment import Environment
from moderation.setting_values import Domain, Email, ListName, Network, Origin, Rate, SiteId, Term
from moderation.settings import Example, ExampleArticle, ExampleAuthor, ExampleRequest, Reason, Retention, Rule, Site
from moderation.tables import markdown

HEAD = """\
# Configuration

What is done with comments stands in the rules file, `moderation.toml`. Where things are, and secrets, come from the
environment. This page is made from the code.

## The rules file

The first start writes one into the state folder, with every setting and its default. Save it and it takes effect within
two seconds, in every worker, without a restart. A file with a mistake never takes effect: the rules before it stay, and
the desk, the log and the metric `moderation_rules_ok` say so. `moderation check moderation.toml` prints every
problem at once, with its line.

A small one:

```toml
[defaults]
email = "optional"

[defaults.limits]
address = ["3/minute", "30/hour"]

[sites.news]
name = "The Daily News"
origins = ["https://www.news.example"]

[sites.news.words]
allow = ["Cockburn"]
regrade = { bloody = "off" }

[sites.sport]
name = "Sport"
origins = ["https://sport.news.example"]
mode = "post"

[sites.sport.lengths]
body_max = 1000

[retention]
rejected_days = 90
```

Everything of a site may also stand under `[defaults]`, for all sites; what a site says itself wins. Effects are `tag`
(mark it for moderators), `hold` (keep it for a decision), `spam` and `reject`; the strongest of all that fired decides.
Rates are a count and a time: `"5/minute"`, `"5/10minutes"`, `"300/day"`. Unknown settings are refused.
"""

ENVIRONMENT = """\
## The environment

Each of these may also be read from a file, as container secrets are:
`MODERATION_REDIS_URL_FILE=/run/secrets/redis_url`. Where both are given, the variable itself wins. `moderation serve`
has options for some; an option wins over both. `./run` knows one more, `MODERATION_VENV`.
"""

RANGES = {"ge": "from", "le": "to", "min_length": "at least", "max_length": "at most"}
TYPES: dict[Any, str] = {
    datetime: "date and time",
    bool: "`true`, `false`",
    int: "whole number",
    float: "number",
    str: "text",
    SecretStr: "text",
    Path: "path",
}
ENTRIES: dict[Any, str] = {
    str: "texts",
    Domain: "domains",
    Email: "e-mail addresses",
    Network: "networks",
    Origin: "origins",
    Rate: "rates",
    Reason: "tables",
    SiteId: "sites",
    ListName: "file names",
    Term: "words",
}
NAMED = {
    "promise": "a number of minutes, hours or days",
    "timezone": "IANA time zone",
    "code": "small letters, digits and hyphens",
}
"""What the type alone does not tell."""


def page() -> str:
    """The page in Markdown."""
    parts = [
        HEAD,
        *_tables(Site, "sites.ID"),
        *_table(Rule, "[rules]"),
        *_table(Example, "[examples]"),
        *_tables(ExampleAuthor, "examples.author"),
        *_tables(ExampleArticle, "examples.article"),
        *_tables(ExampleRequest, "examples.request"),
        *_table(Retention, "retention"),
        ENVIRONMENT,
        _rows(_environment()),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """This table of the rules file, then each one inside it."""
    yield from _table(model, path)
    for name, field in model.model_fields.items():
        if _is_table(field):
            yield from _tables(field.annotation, f"{path}.{name}")  # type: ignore[arg-type]  # _is_table looked
    if model is Site:
        yield from _table(Reason, f"[{path}.reasons]")


def _table(model: type[BaseModel], path: str) -> Iterator[str]:
    yield f"### `[{path}]`"
    yield " ".join((model.__doc__ or "").split())
    yield _rows(
        (name, _default(field), _allowed(name, field), field.description or "")
        for name, field in model.model_fields.items()
        if not _is_table(field)
    )


def _is_table(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _environment() -> Iterator[tuple[str, str, str, str]]:
    for name, field in Environment.model_fields.items():
        yield f"MODERATION_{name.upper()}", _default(field), _allowed(name, field), field.description or ""


def _rows(rows: Iterable[tuple[str, str, str, str]]) -> str:
    return markdown(["Setting", "Default", "Allowed", "What it does"], ([f"`{name}`", *rest] for name, *rest in rows))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if field.is_required():
        return "must be given"
    if value in ("", None, SecretStr("")):
        return "empty"
    if isinstance(value, list) and value and isinstance(value[0], Reason):
        return ", ".join(f"`{reason.code}`" for reason in value)
    return f"`{json.dumps(str(value) if isinstance(value, Path) else value)}`"


def _allowed(name: str, field: FieldInfo) -> str:
    """What may stand there, from the type and its bounds."""
    bounds = {
        bound: value for part in field.metadata for bound in RANGES if (value := getattr(part, bound, None)) is not None
    }
    sizes = [f"{word} {bounds[bound]:,}" for bound, word in RANGES.items() if bound in bounds]
    unit = " characters" if field.annotation is str and sizes else ""
    return " ".join([NAMED.get(name) or _type(field.annotation), *sizes]) + unit


def _type(annotation: Any) -> str:
    inner = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is Literal:
        return ", ".join(f'`"{word}"`' for word in inner)
    if get_origin(annotation) is list:
        return f"list of {ENTRIES.get(inner[0]) or _type(inner[0])}"
    if get_origin(annotation) is dict:
        return "table of words"
    if NoneType in get_args(annotation):
        return _type(inner[0])
    return TYPES[inner[0] if inner else annotation]


if __name__ == "__main__":
    sys.stdout.write(page())
