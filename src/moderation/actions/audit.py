"""Is the journal as it was written? Asked from the shell; reading it on the desk is `web/audit`."""

from __future__ import annotations

from dataclasses import replace

from moderation.edges import chain, people
from moderation.edges.chain import Broken, Report
from moderation.edges.schema import Tx
from moderation.runtime import Runtime


def verify(rt: Runtime, checkpoint: tuple[int, str] | None = None) -> Report:
    """Walk the whole chain. `checkpoint`: a row's number and HMAC as the log once told them, which also finds a whole
    older journal that was put back."""
    with rt.store.snapshot() as tx:
        report = chain.verify(tx, rt.vault)
        if report.broken is None:
            report = replace(report, broken=_against(report, checkpoint, tx))
        if report.broken is None and report.last == 0 and people.everyone(tx):
            return replace(report, broken=Broken(1, "missing"))  # whoever made them left a row
        return report


def _against(report: Report, checkpoint: tuple[int, str] | None, tx: Tx) -> Broken | None:
    if checkpoint is None:
        return None
    seq, mac = checkpoint
    if seq > report.last:
        return Broken(report.last + 1, "missing")
    is_same = seq < report.first or chain.mac_of(tx, seq) == mac
    return None if is_same else Broken(seq, "changed")


def checkpoint(rt: Runtime) -> tuple[int, str]:
    """The last row's number and HMAC, for the log."""
    with rt.store.reading() as tx:
        return chain.checkpoint(tx)
