"""The table of `moderation evaluate`, as Markdown: ours and better-profanity side by side, measured in one run."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from better_profanity import profanity

from moderation import __version__
from moderation.evaluation.measure import Judge, Share, sample, shares, speed, start
from moderation.evaluation.rows import CLEAN, FOREIGN, FOREIGN_CLEAN, HIDDEN, MEASURES, Row
from moderation.text import Filter

_PARTED = (HIDDEN, FOREIGN, FOREIGN_CLEAN)
OURS = 'from moderation.text import Filter; Filter().flagged("f.u.c.k this class")'
PEER = "from better_profanity import profanity; profanity.load_censor_words(); profanity.contains_profanity('f.u.c.k')"
_TIMED = 200  # comments on which the peer's speed is measured


def report(rows: Sequence[Row], told: str, peer_rows: int) -> Iterator[str]:
    """The lines of the table.  `told` names what the rows are; the peer judges at most `peer_rows` of each part."""
    ours: Judge = Filter().flagged
    profanity.load_censor_words()
    peer: Judge = profanity.contains_profanity
    some = sample(rows, peer_rows)
    yield f"moderation {version()}, {told}, Python {platform.python_version()}. better-profanity 0.7.0 is"
    yield f"slow, so it judges at most {peer_rows} rows of each kind, family or language: how many stands in brackets."
    yield ""
    yield "| measure | rows | moderation | better-profanity |"
    yield "| --- | ---: | ---: | ---: |"
    counts, peers = shares(ours, rows), shares(peer, some)
    for measure in MEASURES:
        parts = sorted(part for name, part in counts if name == measure and part)
        for part in ("", *(parts if measure in _PARTED else ())):
            if (measure, part) in counts:
                yield _line(measure, part, counts[measure, part], peers[measure, part])
    yield from _costs(peer, [row.text for row in rows if row.measure == CLEAN])


def _costs(peer: Judge, texts: Sequence[str]) -> Iterator[str]:
    """Time on clean comments, one core; start-up and memory of a process that judges one text."""
    fresh = Filter().flagged
    first, again = speed(fresh, texts, 1), speed(fresh, texts, 2)
    slow = speed(peer, texts[:: max(1, len(texts) // _TIMED)], 1)
    theirs = f"{slow.comments:,.0f} ({slow.judged}) |"
    yield f"| clean comments a second, never seen before | {first.judged} | {first.comments:,.0f} | {theirs}"
    yield f"| clean comments a second, seen before | {again.judged} | {again.comments:,.0f} | |"
    theirs = f"{slow.megabytes:.4f} ({slow.judged}) |"
    yield f"| MB a second, never seen before | {first.judged} | {first.megabytes:.2f} | {theirs}"
    mine, other = start(OURS), start(PEER)
    yield f"| start-up, s of processor time | | {mine.seconds:.2f} | {other.seconds:.2f} |"
    yield f"| memory of the process, MB | | {mine.megabytes:.0f} | {other.megabytes:.0f} |"


def _line(measure: str, part: str, ours: Share, peer: Share) -> str:
    name = f"· {part}" if part else f"**{measure}**"
    return f"| {name} | {ours.judged} | {_percent(ours)} | {_percent(peer)} ({peer.judged}) |"


def _percent(share: Share) -> str:
    return f"{100 * share.rate:.2f} %" if share.rate < 0.1 else f"{100 * share.rate:.1f} %"


def version() -> str:
    """The version, with the commit where this is a checkout."""
    folder = str(Path(__file__).parent)
    try:
        done = subprocess.run(
            ["git", "-C", folder, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return __version__
    return f"{__version__} ({done.stdout.strip()})" if done.returncode == 0 else __version__
