"""Tell each site's receiver what happened to its comments. A letter is claimed before it is sent and settled after, so
that a process that dies in between sends it at most once more, under the same id, and never less than once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from moderation.actions.deliveries import Kind, Result, deliver
from moderation.edges import journal, telemetry, webhooks
from moderation.edges.schema import Tx
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
WEBHOOK = Kind("webhook-not-sent", PAUSES, telemetry.webhooks_total)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a site tells: `secrets` are what receivers check by, the newest first."""

    site: str
    hook: Webhook
    secrets: list[str]
    is_stopped: bool


def send_due(rt: Runtime) -> int:
    """Send what is due, as far as somebody else does not. How many letters were taken."""
    return sum(send_site(rt, site) for site in sites_due(rt))


def sites_due(rt: Runtime) -> list[str]:
    """The sites whose receiver has to be told something."""
    hooks = {site: rules.settings.webhook for site, rules in rt.rules.sites.items() if rules.settings.webhook.url}
    if not hooks:
        return []
    with rt.store.reading() as tx:
        stopped, now = webhooks.stopped(tx), rt.now()
        told = [site for site, hook in hooks.items() if stopped.get(site) != hook.url]
        return [site for site in told if webhooks.due(tx, site, hooks[site].events, now, 1)]


def send_site(rt: Runtime, site: str) -> int:
    """Send what is due of one site, as far as somebody else does not. How many letters were taken. After one that
    failed the others wait for the next turn: they would most likely fail as well, and each takes its time."""
    rules, now = rt.rules.sites.get(site), rt.now()
    if rules is None or not rules.settings.webhook.url:
        return 0
    hook = rules.settings.webhook
    with rt.store.writing() as tx:
        passed = webhooks.pass_over(tx, site, hook.events, now, now - FRESH)
    if passed:
        log.warning("webhooks-passed-over", site=site, letters=passed)
        telemetry.webhooks_total.labels("given-up").inc(passed)
    with rt.store.reading() as tx:
        waiting = webhooks.due(tx, site, hook.events, now, MOST)
    return _send_all(rt, site, hook.url, waiting)


def _send_all(rt: Runtime, site: str, url: str, numbers: Sequence[int]) -> int:
    """How many of them were ours to send."""
    taken = 0
    for number in numbers:
        result = _send(rt, site, url, number)
        taken += result is not None
        if result in ("later", "given-up"):
            break
    return taken


def _send(rt: Runtime, site: str, url: str, number: int) -> Result | None:
    """What became of one letter; None where somebody else has it."""

    def settle(tx: Tx, end: DeliveryError | None) -> None:
        webhooks.settle(tx, number, rt.now())
        if end and end.why == webhooks.GONE:
            log.error("webhook-stopped", site=site)
            webhooks.stop(tx, site, url, rt.now())
            journal.write(tx, [journal.Entry(rt.now(), "service", "service", "webhook-stopped", site)])

    def put_off(tx: Tx, until: datetime) -> None:
        webhooks.try_again(tx, number, until)

    now = rt.now()
    with rt.store.writing() as tx:
        message = webhooks.claim(tx, number, now, now + CLAIM)
    if message is None:
        return None
    secrets = _secrets(rt, site, url)
    return deliver(
        rt,
        WEBHOOK,
        message.attempts,
        lambda: webhooks.send(url, rt.inside, secrets, message, now),
        settle,
        put_off,
        site=site,
    )


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
