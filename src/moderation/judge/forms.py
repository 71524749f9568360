"""What the form tells that a comment was typed into: its token, the field that people do not see, and the
proof of work. Called as
`checks` are. Each is one sign among others: browsers fill in too much, tabs stay open, so no one of them refuses.
"""

from __future__ import annotations

from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.values import Effect, Finding


def token(reading: Reading, site: SiteRules) -> Finding:
    """Whether the form was ours, for this article, fresh, and held as long as people need to type."""
    case, settings = reading.case, site.settings.form
    seconds = case.seconds_to_submit or 0
    if case.form == "none":
        return _WITHOUT if settings.missing == "pass" else _told(settings.missing, "form-missing")
    if case.form == "forged":
        return _told(settings.forged, "form-forged")
    if case.form == "used":
        return _told(settings.used, "form-used")
    if seconds < settings.least_seconds:
        return _told(settings.early, "form-early", seconds=seconds, least=settings.least_seconds)
    if seconds > settings.most_hours * 3600:
        return _told(settings.late, "form-late", hours=seconds // 3600, most=settings.most_hours)
    return Finding("form.token", field="request", data={"seconds": seconds})


def trap(reading: Reading, site: SiteRules) -> Finding:
    """Whether the field was filled in that people do not see."""
    if not reading.case.trapped:
        return _UNTRAPPED
    return Finding("form.trap", Effect(site.settings.form.trap), "form-trap", "request")


def proof(reading: Reading, site: SiteRules) -> Finding:
    """Whether the browser did the calculation that the site asks for. Who proved who they are need not."""
    case, settings = reading.case, site.settings.form
    if settings.proof == "off" or case.verified or case.solution == "good":
        return _PROVED
    if case.solution == "none":
        is_asked = settings.proof == "always" or _stands_out(reading)
        return Finding("form.proof", Effect(settings.unproved), "proof-missing", "request") if is_asked else _PROVED
    effect = settings.proof_late if case.solution == "late" else settings.proof_wrong
    return Finding("form.proof", Effect(effect), f"proof-{case.solution}", "request")


def _stands_out(reading: Reading) -> bool:
    """Whether anything about a comment is as in most that programs send."""
    case, limited = reading.case, reading.case.limited
    is_copy, is_busy = limited.seen > 0 or limited.near > 1, limited.address_recent >= BUSY
    return case.form != "good" or case.trapped or is_copy or is_busy or bool(reading.links)


BUSY = 3
"""Earlier comments of an address, within its longest limit, from which it stands out."""


def _told(effect: str, code: str, **data: int) -> Finding:
    return Finding("form.token", Effect(effect), code, "request", data=data)


_WITHOUT = Finding("form.token", Effect.PASS, "form-missing", "request")
_PROVED = Finding("form.proof", field="request")
_UNTRAPPED = Finding("form.trap", field="request")
