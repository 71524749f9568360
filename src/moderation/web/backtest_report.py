"""The report of a backtest: as a dictionary for machines, as text for a shell, as a page of its own that can be sent
around. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from moderation.actions.backtest import Backtest
from moderation.judge.tally import REFUSED, Change, Tally
from moderation.values import Decision

HUMAN = {"approved": "a person approved it", "rejected": "a person rejected it", "spam": "a person marked it as spam"}
MOVES = (
    ("newly_held", "newly held"),
    ("newly_rejected", "newly rejected or spam"),
    ("newly_released", "newly published"),
)


def as_dict(done: Backtest) -> dict[str, Any]:
    """All figures. Minutes are a moderator's for the held comments."""
    tally = done.tally
    held = [sum(day[number] for day in tally.held.values()) for number in (0, 1)]
    minutes = [round(count * done.decision_seconds / 60, 1) for count in held]
    return {
        "since": done.since.isoformat(timespec="seconds"),
        "until": done.until.isoformat(timespec="seconds"),
        "revision": {"before": done.before, "after": done.after},
        "comments": tally.counted,
        "left_out": tally.left_out,
        **_moves(tally),
        "decisions": [
            {"before": before, "after": after, "comments": count}
            for (before, after), count in sorted(tally.moves.items())
        ],
        "rules": {
            name: {
                "before": rule.before, "after": rule.after, "agreed": rule.agreed, "contradicted": rule.contradicted
            }
            for name, rule in sorted(tally.rules.items(), key=lambda each: (-each[1].after, each[0]))
        },
        "held_a_day": {day: {"before": held[0], "after": held[1]} for day, held in sorted(tally.held.items())},
        "held": {"before": held[0], "after": held[1]},
        "minutes": {"before": minutes[0], "after": minutes[1]},
        "seconds_a_decision": {"value": round(done.decision_seconds, 1), "measured": done.is_measured},
        "approved_by_people": tally.approved_by_people,
        "false_rejects": {"before": tally.wrongly_refused[0], "after": tally.wrongly_refused[1]},
        "false_reject_share": round(done.false_reject_share, 6),
        "changes": [_change(change) for change in sorted(tally.changes, reverse=True)],
    }  # fmt: skip


def _moves(tally: Tally) -> dict[str, int]:
    counted = dict.fromkeys((name for name, _ in MOVES), 0)
    for (before, after), count in tally.moves.items():
        if before == after:
            continue
        if after == Decision.HOLD:
            counted["newly_held"] += count
        elif after == Decision.APPROVE:
            counted["newly_released"] += count
        elif before not in REFUSED:
            counted["newly_rejected"] += count
    return counted


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "site": change.site,
        "at": change.at.isoformat(timespec="seconds"),
        "before": change.before,
        "after": change.after,
        "human": change.human,
        "excerpt": change.excerpt,
        "spans": [list(span) for span in change.spans],
        "rules": list(change.rules),
    }


def as_text(report: Mapping[str, Any]) -> str:
    """For a shell; what readers wrote cannot steer it."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield from _head(report)
    yield ""
    yield f"{'Would be different':<34}{'comments':>10}"
    for name, words in MOVES:
        yield f"  {words:<32}{report[name]:>10,}  {_share(report[name], report['comments'])}"
    yield ""
    yield f"{'Rules and checks':<34}{'before':>10}{'after':>10}{'as people':>12}{'against':>10}"
    for name, rule in report["rules"].items():
        yield f"  {name:<32}{rule['before']:>10,}{rule['after']:>10,}{rule['agreed']:>12,}{rule['contradicted']:>10,}"
    yield ""
    yield f"{'Held a day':<34}{'before':>10}{'after':>10}"
    for day, held in report["held_a_day"].items():
        yield f"  {day:<32}{held['before']:>10,}{held['after']:>10,}"
    yield f"  {'all':<32}{report['held']['before']:>10,}{report['held']['after']:>10,}"
    yield f"  {'minutes of a moderator':<32}{report['minutes']['before']:>10,}{report['minutes']['after']:>10,}"
    yield f"  {_pace(report)}"
    yield ""
    yield _false_rejects(report)
    if report["changes"]:
        yield ""
        yield "Changes that tell most"
    for number, change in enumerate(report["changes"], 1):
        yield f"  {number:>2}. {_title(change)}"
        yield f"      {''.join(f'[{text}]' if marked else text for text, marked in _pieces(change))}"


def _head(report: Mapping[str, Any]) -> Iterator[str]:
    revision = report["revision"]
    yield (
        f"{report['comments']:,} comments from {report['since']} to {report['until']}, "
        f"under revision {revision['before']} and under {revision['after']}."
    )
    if report["left_out"]:
        yield f"{report['left_out']:,} are left out: their facts were not kept, or one of the files lacks their site."


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else ""


def _pace(report: Mapping[str, Any]) -> str:
    pace = report["seconds_a_decision"]
    return f"{pace['value']:g} s a decision, {'as measured' if pace['measured'] else 'assumed: too few to measure'}"


def _false_rejects(report: Mapping[str, Any]) -> str:
    wrong = report["false_rejects"]
    return (
        f"Of {report['approved_by_people']:,} comments that people approved, {wrong['after']:,} "
        f"({report['false_reject_share']:.3%}) would be refused; {wrong['before']:,} before."
    )


def _title(change: Mapping[str, Any]) -> str:
    human = f", and {HUMAN[change['human']]}" if change["human"] else ""
    return f"{change['before']} → {change['after']}{human} ({', '.join(change['rules'])}) {change['id']}"


def _pieces(change: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The excerpt on one line, cut where marks begin and end."""
    text, at = change["excerpt"], 0
    for start, end in change["spans"]:
        if start >= at:
            yield _plain(text[at:start]), False
            yield _plain(text[start:end]), True
            at = end
    yield _plain(text[at:]), False


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def as_page(report: Mapping[str, Any]) -> str:
    """A whole HTML page without scripts and without anything from elsewhere."""
    return Markup(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Backtest</title><style>{style}</style>"
        "<h1>Backtest</h1>{body}</html>"
    ).format(style=Markup(_STYLE), body=as_html(report))  # noqa: S704 - a constant


def as_html(report: Mapping[str, Any]) -> Markup:
    """The report as a stretch of HTML, for a page that has its own head."""
    moves = [(words, f"{report[name]:,}", _share(report[name], report["comments"])) for name, words in MOVES]
    rules = [
        (name, *(f"{rule[key]:,}" for key in ("before", "after", "agreed", "contradicted")))
        for name, rule in report["rules"].items()
    ]
    days = [(day, f"{held['before']:,}", f"{held['after']:,}") for day, held in report["held_a_day"].items()]
    days.append(("all", f"{report['held']['before']:,}", f"{report['held']['after']:,}"))
    days.append(("minutes of a moderator", f"{report['minutes']['before']:,}", f"{report['minutes']['after']:,}"))
    parts = [
        *(Markup("<p>{}</p>").format(line) for line in _head(report)),
        _table("Would be different", ("", "comments", "share"), moves),
        _table("Rules and checks", ("", "before", "after", "as people decided", "against"), rules),
        _table("Held a day", ("", "before", "after"), days),
        Markup("<p>{}.</p><p>{}</p>").format(_pace(report), _false_rejects(report)),
        _changes(report["changes"]),
    ]
    return Markup("\n").join(parts)


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Markup:
    cells = Markup("").join(Markup("<th scope=col>{}</th>").format(cell) for cell in head)
    body = Markup("").join(
        Markup("<tr><th scope=row>{}</th>{}</tr>").format(
            row[0], Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row[1:])
        )
        for row in rows
    )
    return Markup(
        "<table class=figures><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
    ).format(title, cells, body)


def _changes(changes: list[Mapping[str, Any]]) -> Markup:
    if not changes:
        return Markup("<p>No comment would be decided otherwise.</p>")
    items = Markup("").join(
        Markup("<li><p>{}</p><blockquote dir=auto>{}</blockquote></li>").format(
            _title(change),
            Markup("").join(
                Markup("<mark>{}</mark>").format(text) if marked else escape(text) for text, marked in _pieces(change)
            ),
        )
        for change in changes
    )
    return Markup("<h2>Changes that tell most</h2><ol class=changes>{}</ol>").format(items)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1.5rem 0}caption{text-align:start;font-weight:600}"
    "th,td{padding:.2rem .8rem;border-bottom:1px solid #ccc;text-align:end}th[scope=row]{text-align:start;"
    "font-weight:400}blockquote{margin:.2rem 0 1rem;overflow-wrap:anywhere}"
)
