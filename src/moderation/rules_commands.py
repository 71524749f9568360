"""The commands about rules: `check` a file with its examples, `explain` what comes of a text and why, `backtest` a file
on past comments."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moderation.commands import end, environment, must_have_store, options
from moderation.errors import RulesInvalid, StoreError
from moderation.filter_commands import one_line

if TYPE_CHECKING:
    from moderation.judge.examples import Failure
    from moderation.judge.explanation import Explained
    from moderation.judge.ruleset import SiteRules
    from moderation.rules_loading import Loaded
    from moderation.values import Case, Finding


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@options("state")
def check(file: Path | None, state: Path | None) -> None:
    """Is this rules file good? Prints every problem with its line and, for each example that comes out otherwise than
    it says, the difference. Exits with 1 if there is anything."""
    from moderation.catalogue import counted
    from moderation.edges.rules_words import left_behind
    from moderation.judge.ruleset import sites_without_language, without_language
    from moderation.web import sentences

    path = file or _rules_path(state)
    loaded = _loaded(path)
    if loaded.failures:
        for failure in loaded.failures:
            click.echo("\n".join(_difference(failure, loaded, path.name)), err=True)
        good = len(loaded.rules.examples) - len(loaded.failures)
        bad = counted("{n} example", "{n} examples", len(loaded.failures))
        end(f"{bad} came out otherwise, {good} as they say.")
    if silent := without_language(loaded.source.rules.rules):
        click.echo(sentences.no_language(silent), err=True)
    if unread := sites_without_language(loaded.source.rules.sites):
        click.echo(sentences.no_language_on(unread), err=True)
    for word, forms in left_behind(loaded.source.rules).items():
        click.echo(sentences.left_behind(word, forms), err=True)
    rules = counted("{n} rule", "{n} rules", len(loaded.source.rules.rules))
    examples = counted("{n} example", "{n} examples", len(loaded.rules.examples))
    sites = ", ".join(loaded.rules.sites)
    click.echo(f"{path}: good. Revision {loaded.rules.revision}, sites: {sites}, {rules}, {examples}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--text", required=True, help="The comment; - reads it from standard input.")
@click.option("--site", help="The site. [the file's first]")
@click.option("--article", default="example", help="The article's id.")
@click.option("--name", default="Ana", show_default=True, help="The author's name.")
@click.option("--approved", type=click.IntRange(0), default=0, help="The author's approved comments.")
@click.option("--rejected", type=click.IntRange(0), default=0, help="The author's rejected comments.")
@click.option("--verified", is_flag=True, help="The author proved who they are.")
@click.option("--reply", is_flag=True, help="It answers another comment.")
@options("state")
def explain(file: Path | None, text: str, site: str | None, state: Path | None, **facts: Any) -> None:
    """What comes of a comment under the rules of FILE, and why: the text as it is read, what every check found, what
    every rule saw, and the verdict. Nothing is stored."""
    from moderation.judge.examples import case_of
    from moderation.judge.explanation import explain as explained

    rules = _loaded(file or _rules_path(state)).rules
    chosen = rules.sites.get(site or next(iter(rules.sites)))
    if chosen is None:
        raise click.UsageError(f"There is no site {site}; there are {', '.join(rules.sites)}.")
    case = case_of(_example(sys.stdin.read() if text == "-" else text, facts), chosen)
    explained(case, chosen)  # the first look at a word costs more than those after it
    began = time.perf_counter()
    said = explained(case, chosen)
    took = time.perf_counter() - began
    click.echo("\n".join([*_told(said, case, chosen), f"time      {took * 1000:.2f} ms"]))


@click.command()
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--since", default="30d", show_default=True, help="How far back: 12h, 30d, 4w, or a date.")
@click.option("--site", "sites", multiple=True, help="Only this site; may be repeated. All sites where left out.")
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.option(
    "--max-false-reject",
    "guard",
    metavar="SHARE",
    help="Exit with 3 if more of what people approved would be refused: 0.1% or 0.001.",
)
@click.option("--processes", type=click.IntRange(1, 256), help="[one a core]")
@click.option(
    "--progress",
    "told",
    type=click.Choice(["bar", "lines"]),
    default="bar",
    show_default=True,
    help="On standard error: a bar, or a line now and then, such as 5000 of 20000.",
)
@options("state")
def backtest(
    new: Path,
    since: str,
    sites: tuple[str, ...],
    form: str,
    guard: str | None,
    processes: int | None,
    told: str,
    state: Path | None,
) -> None:
    """What would the rules in NEW have done with past comments, beside the rules of now? - reads them from standard
    input.

    Each comment is judged under both, by the facts as they were when it came; nothing is written, and no service need
    run. Exits with 3 if the guard --max-false-reject is broken, or nothing is there to measure it by.
    """
    from moderation.actions import backtest as action
    from moderation.web import backtest_report

    most = _share(guard) if guard is not None else None
    env = environment(state=state)
    now = datetime.now(UTC)
    begin = _since(since, now)
    must_have_store(env)
    after = (_loaded_from_input(env.rules_path.parent) if str(new) == "-" else _loaded(new)).rules
    before = _loaded(env.rules_path).rules
    try:
        total = action.count(env.database, sites or None, begin)
        with _telling(told, total) as tell:
            done = action.run(
                env.database, before, after, sites or None, begin, now, processes=processes or 0, progress=tell
            )
    except StoreError as error:
        raise click.ClickException(f"The store does not answer ({error.kind}).") from None
    report = backtest_report.as_dict(done)
    if form == "json":
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        click.echo((backtest_report.as_text if form == "text" else backtest_report.as_page)(report), nl=False)
    if most is not None and not done.tally.approved_by_people:
        click.echo("The guard cannot be measured: people approved none of these comments.", err=True)
        sys.exit(3)
    if most is not None and done.false_reject_share > most:
        click.echo(f"Guard broken: {done.false_reject_share:.3%} false rejects, allowed are {most:.3%}.", err=True)
        sys.exit(3)


@contextmanager
def _telling(how: str, total: int) -> Iterator[Callable[[int], None]]:
    """What to call with how many comments more are judged."""
    if how == "bar":
        with click.progressbar(length=total, label="Judging", file=sys.stderr, show_eta=True) as bar:
            yield lambda judged: bar.update(judged)
        return
    counted = 0

    def tell(judged: int) -> None:
        nonlocal counted
        counted += judged
        click.echo(f"{counted} of {total}", err=True)

    tell(0)
    yield tell


def _share(text: str) -> float:
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise click.BadParameter("a share such as 0.1% or 0.001", param_hint="--max-false-reject")
    return share


def _since(text: str, now: datetime) -> datetime:
    if (found := re.fullmatch(r"(\d{1,4})([hdw])", text)) and int(found[1]):
        return now - timedelta(**{{"h": "hours", "d": "days", "w": "weeks"}[found[2]]: int(found[1])})
    try:
        begin = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("a time such as 12h, 30d or 4w, or a date", param_hint="--since") from None
    return begin if begin.tzinfo else begin.replace(tzinfo=UTC)


def _rules_path(state: Path | None) -> Path:
    return environment(state=state).rules_path


def _loaded(path: Path) -> Loaded:
    """The rules in `path`; a file that cannot be ends the command with all of its problems."""
    from moderation.rules_loading import load

    return _or_ends(lambda: load(path, environment().inside))


def _loaded_from_input(folder: Path) -> Loaded:
    """The rules that come in, whose word lists stand behind them or in `folder`."""
    from moderation.rules_loading import load_text

    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise click.ClickException("What comes in is not UTF-8.") from None
    return _or_ends(lambda: load_text(text, "draft", folder, environment().inside))


def _or_ends(load: Callable[[], Loaded]) -> Loaded:
    try:
        return load()
    except RulesInvalid as problems:
        end(str(problems))


def _difference(failure: Failure, loaded: Loaded, name: str) -> Iterator[str]:
    """What an example says (-) and what came of it (+), and why."""
    from moderation.rules_loading import place_of

    line, column = place_of(failure, loaded)
    yield f"{name}:{line}:{column}: this example comes out otherwise"
    yield f"    text    “{one_line(failure.example.text[:100])}”"
    if failure.then:
        yield f"  - then    {failure.example.then}"
        yield f"  + then    {failure.then}"
    for rule in failure.missing:
        yield f"  - fires   {rule}"
    for rule in failure.unwanted:
        yield f"  + fires   {rule}"
    for finding in failure.verdict.findings:
        if finding.effect.value not in ("pass", "approve"):
            yield f"    because {_finding(finding, failure.example.text)}"


def _example(text: str, facts: dict[str, Any]) -> Any:
    from moderation.settings import Example, ExampleArticle, ExampleAuthor, ExampleRequest

    author = ExampleAuthor(
        name=facts["name"], approved=facts["approved"], rejected=facts["rejected"], verified=facts["verified"]
    )
    return Example(
        text=text,
        author=author,
        article=ExampleArticle(id=facts["article"]),
        request=ExampleRequest(reply=facts["reply"]),
    )


def _told(said: Explained, case: Case, site: SiteRules) -> Iterator[str]:
    verdict = said.verdict
    yield f"text      {one_line(case.body)}"
    yield f"folded    {one_line(said.folded)}"
    yield f"site      {site.id}, revision {verdict.revision}"
    yield f"verdict   {verdict.decision.value}"
    yield "checks"
    for found in verdict.findings:
        if not found.code.startswith("rule"):
            yield f"  {_finding(found, case.body)}"
    yield "rules" if said.asked else "rules     none on this site"
    failed = {found.rule: found.data["error"] for found in verdict.findings if found.code == "rule-failed"}
    for asked in said.asked:
        shadow = ", in the shadow" if asked.in_shadow else ""
        saw = " · ".join(f"{name} {_value(value)}" for name, value in asked.saw.items())
        why = f" ({failed[asked.id]})" if asked.id in failed else ""
        yield f"  {asked.outcome:<9} {asked.id} ({asked.would.value}{shadow}){why}  {saw}".rstrip()


def _finding(found: Finding, text: str) -> str:
    from moderation.web import sentences

    told = f"{found.effect.value:<7} {found.rule:<23} {one_line(sentences.finding(found))}"
    if found.field != "body":
        return told
    return told + "".join(
        f"  {span.start}–{span.end} “{one_line(text[span.start : span.end])}”" for span in found.spans
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{one_line(value)}”" if isinstance(value, str) else str(value)
