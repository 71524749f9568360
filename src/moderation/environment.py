"""What the environment says: where things are, and secrets. Every variable is `MODERATION_…`, or `MODERATION_…_FILE`.

Field descriptions here are the documentation: `docs/configuration.md` is made from them. The rules file is `settings`.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from moderation.setting_values import Network

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Environment(BaseSettings):
    """Where things are, and secrets. Each may also come in a file: `MODERATION_REDIS_URL_FILE=/run/secrets/redis`."""

    model_config = SettingsConfigDict(env_prefix="MODERATION_", extra="ignore", frozen=True)

    state: Path = Field(
        Path("state"), description="Folder of the embedded database, the embedded Redis, the keys and the rules file."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(2, ge=1, le=64, description="Worker processes.")
    threads: int = Field(32, ge=2, le=256, description="Threads a worker.")
    base_url: str = Field(
        "",
        description="The service's own address as browsers see it, e.g. https://comments.example.org. "
        "http://HOST:PORT where empty.",
    )
    database_url: str = Field("", description="SQLAlchemy URL of the store. SQLite in the state folder where empty.")
    redis_url: str = Field(
        "", description="URL of Redis or Valkey, of any node of a cluster. The embedded server where empty."
    )
    rules: Path | None = Field(None, description="The rules file. STATE/moderation.toml where empty.")
    keys: Path | None = Field(None, description="The key file, mode 0600. STATE/keys.json where empty.")
    trusted_proxies: Annotated[list[Network], NoDecode] = Field(
        [], description="Networks whose X-Forwarded-For counts, with commas between them. None by default."
    )
    login_keys: Path | None = Field(
        None, description="Folder of the keys of publishers' logins, `SITE.json`. STATE/logins where empty."
    )
    inside_networks: Annotated[list[Network], NoDecode] = Field(
        [],
        description="Networks of your own that addresses in the rules file may lead into, with commas between them. "
        "None by default: they lead to the internet only, and with https.",
    )
    akismet_keys: SecretStr = Field(
        SecretStr(""),
        description='The key of Akismet for sites with `kind = "akismet"`, or one a site, with commas between them: '
        "`news=KEY,sport=KEY`.",
    )
    session_idle_minutes: int = Field(
        60, ge=5, le=1440, description="A moderator is signed out after this much idle time."
    )
    session_hours: int = Field(12, ge=1, le=168, description="A moderator is signed out after this time in any case.")
    totp_required: Literal["auto", "none", "admin", "all"] = Field(
        "auto",
        description="Who must give a code of an authenticator app as a second step of signing in. `auto`: admins, "
        "unless browsers reach the service only at this machine's own address, as on a first try.",
    )
    oidc_issuer: str = Field(
        "",
        description="The OpenID provider for a single sign-on, as it names itself, e.g. https://login.example.org. "
        "None where empty. Needs the extra `oidc`.",
    )
    oidc_client_id: str = Field("", description="How we are known there. Needed with `oidc_issuer`.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Our secret there. Where empty, the provider must allow a client without one."
    )
    oidc_match: Literal["subject", "email"] = Field(
        "subject",
        description="By what people are known: the provider's own name for an account (`sub`), or an e-mail address "
        "that it has verified.",
    )
    oidc_label: str = Field("single sign-on", max_length=60, description="What the button calls it: `Sign in with …`.")
    smtp_host: str = Field("", description="The server that takes our e-mail. No e-mail is sent where it is empty.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="`starttls` on the port 587, `tls` from the first byte on the port 465, `none` only for a server "
        "on the same machine. Certificates are always checked.",
    )
    smtp_user: str = Field("", description="The name to sign in there with. None where empty.")
    smtp_password: SecretStr = Field(SecretStr(""), description="The password to sign in there with.")
    mail_from: str = Field(
        "", description="The address our e-mail comes from, e.g. comments@example.org. Needed with `smtp_host`."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, data: dict[str, Any]) -> dict[str, Any]:
        for name in ("trusted_proxies", "inside_networks"):
            given = data.get(name)
            if isinstance(given, str):
                data[name] = [part.strip() for part in given.split(",") if part.strip()]
        return data

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        given = self.akismet_keys.get_secret_value()
        if given and not re.fullmatch(r"(\s*([a-z0-9-]+\s*=\s*)?[A-Za-z0-9]+\s*(,|$))+", given):
            raise ValueError("MODERATION_AKISMET_KEYS must be one key, or SITE=KEY with commas between them")
        return self

    def akismet_key(self, site: str) -> str:
        """The key of a site, else that of all; empty where there is none."""
        pairs = [part.rpartition("=") for part in self.akismet_keys.get_secret_value().split(",")]
        keys = {name.strip(): key.strip() for name, _, key in pairs}
        return keys.get(site) or keys.get("", "")

    @model_validator(mode="after")
    def _can_ask(self) -> Self:
        if self.oidc_issuer and not re.fullmatch(
            r"https://[^\s/?#@]+(/[^\s?#]*)?|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s?#]*)?", self.oidc_issuer
        ):
            raise ValueError("MODERATION_OIDC_ISSUER must be an address with https, without a query")
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("MODERATION_OIDC_CLIENT_ID must be given where MODERATION_OIDC_ISSUER is")
        return self

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.smtp_host and not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", self.mail_from):
            raise ValueError("MODERATION_MAIL_FROM must be one e-mail address where MODERATION_SMTP_HOST is given")
        if self.smtp_user and self.smtp_security == "none" and self.smtp_host not in _LOOPBACK:
            raise ValueError("a password is sent without TLS only to this machine: set MODERATION_SMTP_SECURITY")
        return self

    @property
    def rules_path(self) -> Path:
        return self.rules or self.state / "moderation.toml"

    @property
    def keys_path(self) -> Path:
        return self.keys or self.state / "keys.json"

    @property
    def login_keys_path(self) -> Path:
        return self.login_keys or self.state / "logins"

    @property
    def inside(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """`inside_networks` as networks."""
        return tuple(ipaddress.ip_network(network) for network in self.inside_networks)

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.state / 'moderation.db').absolute()}"

    @property
    def public_url(self) -> str:
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def second_step_for(self) -> Literal["none", "admin", "all"]:
        """`totp_required` with `auto` made out."""
        if self.totp_required != "auto":
            return self.totp_required
        return "none" if urlsplit(self.public_url).hostname in _LOOPBACK else "admin"

    @property
    def local_url(self) -> str:
        """Where the service is reached from its own machine."""
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104 - compared

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _FileVariables(settings_cls))


class _FileVariables(PydanticBaseSettingsSource):
    """`MODERATION_REDIS_URL_FILE=/run/secrets/redis` reads the value of `redis_url` from that file."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"MODERATION_{field_name.upper()}_FILE")
        return (Path(path).read_text("utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}
