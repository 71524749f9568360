"""The letters to a reader who reported a comment and gave an e-mail address (DSA, article 16): that the report has
come, and what was decided. None quotes the comment, nor what the reader typed: anybody can type anybody's address.
"""

from __future__ import annotations

from moderation.catalogue import said_in
from moderation.judge.ruleset import SiteRules
from moderation.redress import redress


def receipt(site: SiteRules, number: str, link: str) -> tuple[str, str]:
    """Subject and text. `link` leads to the comment."""
    language = site.settings.language
    parts = (
        said_in(language, "Somebody, probably you, has reported a comment on {name} with this email address:"),
        link,
        said_in(
            language,
            "The number of the report is {number}. Moderators look at each report. We write once more when they have "
            "decided.",
        ),
        said_in(language, "If it was not you, there is nothing to do."),
    )
    return _letter(site, said_in(language, "{name}: your report has come"), parts, number)


def decision(site: SiteRules, number: str, *, stays: bool, automated: bool) -> tuple[str, str]:
    """Subject and text. `stays`: whether the comment is public still; `automated`: whether a program has decided."""
    language = site.settings.language
    kept = said_in(language, "It has been decided about the comment that you reported: it stays public.")
    gone = said_in(language, "It has been decided about the comment that you reported: it is no longer public.")
    by_program = said_in(language, "This was decided by a program of the site.")
    parts = (
        kept if stays else gone,
        *([by_program] if automated else []),
        redress(site.settings),
        *([] if site.settings.redress else [said_in(language, "You can also write to {name}.")]),
        said_in(language, "The number of your report: {number}"),
    )
    return _letter(site, said_in(language, "{name}: what was decided about your report"), parts, number)


def gone(site: SiteRules, number: str) -> tuple[str, str]:
    """Subject and text, where the comment was deleted before anybody decided."""
    language = site.settings.language
    parts = (
        said_in(language, "The comment that you reported was deleted before it was decided about."),
        said_in(language, "The number of your report: {number}"),
    )
    return _letter(site, said_in(language, "{name}: what was decided about your report"), parts, number)


def _letter(site: SiteRules, subject: str, parts: tuple[str, ...], number: str) -> tuple[str, str]:
    def filled(text: str) -> str:
        return text.replace("{number}", number).replace("{name}", site.settings.name or site.id)

    return filled(subject), "\n\n".join(map(filled, parts)) + "\n"
