"""What a check outside said about a comment, as a finding. Who asks is `actions.external`; here it is only weighed.
`check` is called as `checks` are."""

from __future__ import annotations

from moderation.judge.reading import Reading
from moderation.judge.ruleset import SiteRules
from moderation.values import EXTERNAL, Effect, Finding, Opinion


def check(reading: Reading, site: SiteRules) -> Finding:
    """What was said, as far as the site asks for it."""
    opinion = reading.case.opinion
    if opinion is None or site.settings.external.kind == "off":
        return _NOT_ASKED
    return found(opinion, site)


def found(opinion: Opinion, site: SiteRules) -> Finding:
    """The finding that an opinion comes to. As long as there is none, or a doubtful one, the comment is held."""
    settings = site.settings.external
    wished = {"ham": "pass", "spam": settings.spam, "blatant": settings.blatant}.get(opinion.said, "hold")
    told = {"by": opinion.by, "answer": opinion.answer, "because": opinion.because, "tries": opinion.tries}
    data = {name: value for name, value in told.items() if value} | {"revision": site.revision}
    return Finding(EXTERNAL, Effect(wished), f"external-check-{opinion.said}", data=data)


_NOT_ASKED = Finding(EXTERNAL)
