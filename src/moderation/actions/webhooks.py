"""Tell each site's receiver what happened to its comments. A letter is claimed before it is sent and settled after, so
that a process that dies in between sends it at most once more, under the same id, and never less than once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import structlog

from moderation.edges import journal, telemetry, webhooks
from moderation.edges.webhooks import PAUSES
from moderation.errors import DeliveryError, NotFound
from moderation.runtime import Runtime
from moderation.settings import Webhook
from moderation.values import Moderator

CLAIM = timedelta(minutes=2)
FRESH = timedelta(days=1)
"""A receiver that is new, or was away for longer, is told of the last day."""
MOST = 50
"""Letters a turn and site."""

log = structlog.get_logger()
Result = Literal["sent", "later", "given-up"]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a site tells: `secrets` are what receivers check by, the newest first."""

    site: str
    hook: Webhook
    secrets: list[str]
    is_stopped: bool


def send_due(rt: Runtime) -> int:
    """Send what is due, as far as somebody else does not. How many letters were taken."""
    hooks = {site: rules.settings.webhook for site, rules in rt.rules.sites.items() if rules.settings.webhook.url}
    if not hooks:
        return 0
    now = rt.now()
    with rt.store.reading() as tx:
        stopped = webhooks.stopped(tx)
        told = {site: hook for site, hook in hooks.items() if stopped.get(site) != hook.url}
        waiting = {site: webhooks.due(tx, site, hook.events, now, MOST) for site, hook in told.items()}
    for site in [site for site, numbers in waiting.items() if numbers]:
        with rt.store.writing() as tx:
            passed = webhooks.pass_over(tx, site, hooks[site].events, now, now - FRESH)
        if passed:
            log.warning("webhooks-passed-over", site=site, letters=passed)
            telemetry.webhooks_total.labels("given-up").inc(passed)
    return sum(_send_all(rt, site, hooks[site].url, numbers) for site, numbers in waiting.items())


def _send_all(rt: Runtime, site: str, url: str, numbers: Sequence[int]) -> int:
    """How many of them were ours to send. After one that failed the others wait for the next turn, so that a receiver
    that does not answer costs the others little."""
    taken = 0
    for number in numbers:
        result = _send(rt, site, url, number)
        taken += result is not None
        if result in ("later", "given-up"):
            break
    return taken


def _send(rt: Runtime, site: str, url: str, number: int) -> Result | None:
    """What became of one letter; None where somebody else has it."""
    now = rt.now()
    with rt.store.writing() as tx:
        message = webhooks.claim(tx, number, now, now + CLAIM)
    if message is None:
        return None
    result: Result = "sent"
    try:
        webhooks.send(url, rt.inside, _secrets(rt, site, url), message, now)
    except DeliveryError as error:
        log.warning("webhook-not-sent", site=site, why=error.why, attempt=message.attempts + 1)
        is_over = error.permanent or error.why == "answer-410" or message.attempts >= len(PAUSES)
        result = "given-up" if is_over else "later"
        if error.why == "answer-410":
            _stop(rt, site, url)
    with rt.store.writing() as tx:
        if result == "later":
            spread = 1 + int.from_bytes(rt.random(1)) / 2550  # up to a tenth, so that not all come back at once
            webhooks.try_again(tx, number, rt.now() + PAUSES[message.attempts] * spread)
        else:
            webhooks.settle(tx, number, rt.now())
    telemetry.webhooks_total.labels(result).inc()
    return result


def _stop(rt: Runtime, site: str, url: str) -> None:
    log.error("webhook-stopped", site=site)
    with rt.store.writing() as tx:
        webhooks.stop(tx, site, url, rt.now())
        journal.write(tx, [journal.Entry(rt.now(), "service", "service", "webhook-stopped", site)])


def receivers(rt: Runtime) -> Iterator[Receiver]:
    """Those of all sites that have one."""
    with rt.store.reading() as tx:
        stopped = webhooks.stopped(tx)
    for site, rules in rt.rules.sites.items():
        hook = rules.settings.webhook
        if hook.url:
            secrets = [webhooks.secret_words(secret) for secret in _secrets(rt, site, hook.url)]
            yield Receiver(site, hook, secrets, stopped.get(site) == hook.url)


def start_again(rt: Runtime, who: Moderator, site: str) -> bool:
    """Tell a receiver again that had wanted nothing more. Whether it was stopped. Raises NotFound for the site."""
    if site not in rt.rules.sites:
        raise NotFound("site")
    with rt.store.writing() as tx:
        was_stopped = webhooks.start(tx, site)
        if was_stopped:
            journal.write(tx, [journal.Entry(rt.now(), who.name, who.role, "webhook-started", site)])
    return was_stopped


def _secrets(rt: Runtime, site: str, url: str) -> list[bytes]:
    """Made of the service's own keys, so that none is kept; another address has another one."""
    return rt.vault.derived("links", "webhook", site, url)
