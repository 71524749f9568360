"""The headers of every answer, whoever gives it."""

from __future__ import annotations

COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), browsing-topics=()",
}
API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'; report-to csp"
)
CACHEABLE = {  # CDNs may keep it for a moment; it is the same for everyone (reliability: CORS)
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "public, max-age=10, stale-while-revalidate=30",
}
EXPOSED = "RateLimit, RateLimit-Policy, Retry-After, Location"


def transport(public_url: str) -> dict[str, str]:
    """What browsers are told over https only."""
    secure = public_url.startswith("https://")
    return {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"} if secure else {}
