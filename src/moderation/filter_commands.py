"""The commands `moderation filter` and `moderation evaluate`: the text filter from a shell. Imports little at the top,
since a filter that is started for one line must answer at once."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from moderation.text import Explanation, Filter

PIECE = 1 << 16
EFFECTS = {"severe": "rejected", "strong": "held", "mild": "marked, and goes its way", "clean": "nothing to object to"}


@click.command("filter")
@click.argument("text", required=False)
@click.option("--jsonl", is_flag=True, help="Lines of {id, text} in; {id, flagged, grade, spans, terms, censored} out.")
@click.option("--language", "languages", multiple=True, help="A language of the site; may be repeated. [en]")
@click.option(
    "--list",
    "own",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A word list of your own, on top of the shipped ones.",
)
@click.option(
    "--bench",
    type=click.IntRange(1, 1000),
    envvar="FILTER_EVAL_BENCH",
    help="With --jsonl: read everything, run this many passes in memory, and print only how long they took.",
)
def filter_command(
    text: str | None, jsonl: bool, languages: tuple[str, ...], own: Path | None, bench: int | None
) -> None:
    """What does the text filter make of TEXT (- for standard input)?

    Says which words were found, where, of what grade and how they were hidden, under the shipped rules. Nothing is
    stored, and no service need run.

    With --jsonl a line is answered as soon as it has come in whole: whoever writes one and waits gets its answer.
    `flagged` means held or worse under the shipped defaults; spans are [start, end) in code points. A text so full of
    hidden words that not all of it was read is flagged, and has `unread`, from where on. The variable
    FILTER_EVAL_BENCH does the same as --bench: evaluation tools for comment filters set it. They may also set
    FILTER_EVAL_FLUSH, which changes nothing here.
    """
    active = _filter(languages, own)
    try:
        if jsonl and bench:
            _bench(active, bench)
        elif jsonl:
            _answer_lines(active)
        else:
            if text is None and sys.stdin.isatty():
                raise click.UsageError("Give a text, - for standard input, or --jsonl.")
            _explain(active, sys.stdin.read() if text in (None, "-") else str(text))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads on; Python's own flush at exit would complain


def _filter(languages: tuple[str, ...], own: Path | None) -> Filter:
    """The filter asked for; a word list that cannot be read ends the command with all of its problems."""
    gc.disable()  # terms are made to stay: looking through them again and again takes a sixth of the start
    from moderation.text import Filter
    from moderation.text.lexicon import LexiconError, join, load, parse

    try:
        listed = join([parse(own.read_text("utf-8"), str(own))]) if own else None
        return Filter(load(languages or None, own=listed))
    except LexiconError as error:
        click.echo("\n".join(error.problems), err=True)
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"{own}: {error}", err=True)
    finally:
        gc.freeze()
        gc.enable()
    sys.exit(2)


def _answer_lines(active: Filter) -> None:
    """Answers go out whenever everything read so far is answered: in large pieces under load, at once for one line."""
    from moderation.text import filter_lines

    for lines in _pieces(0):
        answers = "".join(answer + "\n" for answer in filter_lines(lines, active))
        sys.stdout.buffer.write(answers.encode("utf-8"))
        sys.stdout.buffer.flush()


def _pieces(fd: int) -> Iterator[list[bytes]]:
    """The whole lines of each piece as it arrives; what stands after the last line end comes when the input ends."""
    begun: list[bytes] = []
    while piece := os.read(fd, PIECE):
        *whole, rest = piece.split(b"\n")
        if whole:
            whole[0] = b"".join((*begun, whole[0]))
            begun = []
            yield whole
        begun.append(rest)
    if any(begun):
        yield [b"".join(begun)]


def _bench(active: Filter, passes: int) -> None:
    texts = [json.loads(line)["text"] for lines in _pieces(0) for line in lines if line.strip()]
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(passes):
        for text in texts:
            active.flagged(text)
    told = {
        "comments": passes * len(texts),
        "bytes": passes * sum(len(text.encode("utf-8", "replace")) for text in texts),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
    }
    click.echo(json.dumps({"bench": told}))


def _explain(active: Filter, text: str) -> None:
    said = active.explain(text)
    lines = [f"{'text':<9} {one_line(said.text)}", f"{'folded':<9} {one_line(said.folded)}"]
    lines += [f"{'letters':<9} {one_line(said.squeezed)}", f"{'grade':<9} {said.grade}: {EFFECTS[said.grade]}"]
    if said.unread is not None:
        lines.append(f"{'unread':<9} not all from {said.unread} on, so full of hidden words is it: held at least")
    lines += [f"{'found':<9} {each}" for each in _found(said)] or ["found     no listed word"]
    if said.matches:
        lines.append(f"{'masked':<9} {one_line(said.censored)}")
    lines += [f"{'also':<9} {each}" for each in _others(text)]
    lines.append(f"{'time':<9} {said.seconds * 1000:.2f} ms")
    click.echo("\n".join(lines))


def one_line(text: str) -> str:
    """On one line, with what cannot be printed written out: a text must not steer a terminal."""
    return "".join(c if c.isprintable() else "⏎" if c == "\n" else f"\\u{ord(c):04x}" for c in text)


def _found(said: Explanation) -> Iterator[str]:
    for match in said.matches:
        shown = one_line(said.text[match.start : match.end])
        words = [f"{match.severity} {match.category}", f"language {match.language}"]
        if match.maybe:
            words.append("perhaps: counts only with a second signal")
        if match.disguises:
            words.append(f"hidden: {', '.join(match.disguises)}")
        yield f"{match.start}–{match.end} “{shown}” is {match.term} ({'; '.join(words)})"


def _others(text: str) -> Iterator[str]:
    """Contact data and links, which rules weigh as well."""
    from moderation.text.links import find_links
    from moderation.text.redact import find_contacts

    for contact in find_contacts(text):
        what = {"email": "an e-mail address", "phone": "a phone number"}[contact.kind]
        yield f"{contact.start}–{contact.end} “{one_line(text[contact.start : contact.end])}” is {what}"
    for link in find_links(text):
        yield f"{link.start}–{link.end} “{one_line(link.shown)}” is a link to {link.host}"


@click.command("evaluate")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of evaluation sets; see docs/filter.md. Without it: words and disguises of our own.",
)
@click.option("--peer-rows", type=click.IntRange(1), default=100, show_default=True, help="See above.")
def evaluate_command(data: Path | None, peer_rows: int) -> None:
    """How good is the text filter? Prints a table, with better-profanity measured beside it in the same run.

    Words found, plain, disguised and in other languages; innocent texts flagged; speed, start-up and memory.
    better-profanity judges at most --peer-rows rows of each family and language, since it is slow.
    """
    from moderation.evaluation.report import report
    from moderation.evaluation.rows import own_rows, rows_of

    rows = rows_of(data) if data else own_rows()
    if not rows:
        raise click.UsageError(f"No evaluation set in {data}: docs/filter.md tells what they look like.")
    for line in report(rows, "rows of our own" if not data else f"the sets in {data.name}", peer_rows):
        click.echo(line)
