"""The cookies that browsers keep for us: their names, and where browsers send them. None is in reach of scripts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from flask import request
from werkzeug.wrappers import Response

from moderation import holders, sessions
from moderation.web.context import rt


@dataclass(frozen=True)
class Cookie:
    """One kind. Without `lasts` it goes when the browser is closed."""

    plain: str
    path: str = "/"
    lasts: timedelta | None = None
    samesite: Literal["Lax", "Strict"] = "Lax"

    @property
    def name(self) -> str:
        """Over https its prefix binds it to that, and where it can to this very host. Plain http is for trying the
        service on one's own machine: cookies know no ports, and two services would take each other's."""
        if is_secure():
            return f"{'__Host' if self.path == '/' else '__Secure'}-{self.plain}"
        return f"{self.plain}-{urlsplit(rt().env.public_url).port or 80}"

    def read(self) -> str:
        """What the browser sent, empty where it has none."""
        return request.cookies.get(self.name, "")

    def give(self, response: Response, value: str) -> None:
        """Have the browser keep `value`."""
        response.set_cookie(self.name, value, max_age=self.lasts, **self._scope())

    def drop(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.name, **self._scope())

    def _scope(self) -> dict[str, Any]:
        return {"path": self.path, "secure": is_secure(), "httponly": True, "samesite": self.samesite}


SESSION = Cookie("mod")
DEVICE = Cookie("mod-device", "/desk", sessions.DEVICE_LASTS, "Strict")
"""Shows that somebody signed in on this browser before, so that guessing elsewhere cannot keep them out."""
ATTEMPT_LASTS = timedelta(minutes=10)
ATTEMPT = Cookie("mod-sso", "/desk/sso", ATTEMPT_LASTS)
"""A way to the OpenID provider and back."""


def author(site_id: str) -> Cookie:
    """Shows that the address behind a site's comments was confirmed."""
    return Cookie(f"author-{site_id}", lasts=holders.LASTS)


def sent(site_id: str) -> Cookie:
    """The receipt for the thread page that the sender of a form is led to."""
    return Cookie("sent", f"/t/{site_id}", timedelta(minutes=10))


def is_secure() -> bool:
    """Whether browsers reach us by https."""
    return rt().env.public_url.startswith("https://")
