"""What every door needs to know about the request it serves: the runtime, the request's id, who is on the other end."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import cast

from flask import current_app, g, request

from moderation.errors import NotFound
from moderation.rates import spelt
from moderation.runtime import Runtime
from moderation.settings import Site


def rt() -> Runtime:
    """The runtime of this process."""
    return cast(Runtime, current_app.extensions["moderation"])


def settings_of(site_id: str) -> Site:
    """A site's settings. Raises NotFound."""
    site = rt().rules.sites.get(site_id)
    if site is None:
        raise NotFound("site")
    return site.settings


def request_id() -> str:
    """This request's id: of our own making, never the client's."""
    return cast(str, g.request_id)


def client_address() -> str:
    """The client's network address. Forwarding headers count only when the peer is a trusted proxy."""
    return forwarded_client(
        request.remote_addr or "::", request.headers.getlist("X-Forwarded-For"), rt().trusted_proxies
    )


def forwarded_client(
    peer: str,
    forwarded: Iterable[str],
    trusted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...],
) -> str:
    """Walk X-Forwarded-For from the right past trusted hops. A token that is no address ends the walk at `peer`."""
    if not _is_trusted(peer, trusted):
        return peer
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    client = peer
    for hop in reversed(hops):
        try:
            client = spelt(hop)
        except ValueError:
            return peer
        if not _is_trusted(client, trusted):
            return client
    return client


@lru_cache(maxsize=1024)
def _is_trusted(address: str, trusted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)
