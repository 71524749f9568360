"""The scripts of the desk: a page loads them and all that they import in one version, which browsers keep for good."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from tests.test_rights import as_person

from moderation.runtime import Runtime
from moderation.values import Role
from moderation.web.app import create_app

FOR_GOOD = "public, max-age=31536000, immutable"
IMPORT = re.compile(r"""(?m)^import .*?["'](.+?)["'];""")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def client(make_runtime: Callable[..., Runtime]) -> FlaskClient:
    rt = make_runtime()
    client = create_app(rt).test_client()
    client.set_cookie("mod-8080", as_person(rt, Role.ADMIN, None)[0])
    return client


def loaded(client: FlaskClient, page: str) -> dict[str, str]:
    """What a browser asks for, and for how long it may keep it."""
    wanted = re.findall(r'<script type="module" src="([^"]+)"', client.get(page).get_data(as_text=True))
    found: dict[str, str] = {}
    while wanted:
        path = wanted.pop()
        if path not in found:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert answer.mimetype == "text/javascript"
            found[path] = answer.headers["Cache-Control"]
            wanted += [urljoin(path, other) for other in IMPORT.findall(answer.get_data(as_text=True))]
    return found


@pytest.mark.parametrize(("page", "least"), [("/desk/", 12), ("/desk/rules/draft", 3), ("/desk/numbers", 2)])
def test_all_scripts_of_a_page_are_of_one_version_and_kept(client: FlaskClient, page: str, least: int) -> None:
    found = loaded(client, page)
    assert len(found) >= least
    assert set(found.values()) == {FOR_GOOD}
    assert len({path.rpartition("/")[0] for path in found}) == 1


def test_what_another_version_asked_for_is_not_kept(client: FlaskClient) -> None:
    for path in ("/static/desk/at/another/desk.js", "/static/desk/desk.css?v=another"):
        assert (client.get(path).status_code, client.get(path).headers["Cache-Control"]) == (200, "no-store")
    for path in ("/static/desk/at/another/desk.css", "/static/desk/at/another/none.js", "/static/none.css?v=x"):
        answer = client.get(path)
        assert (answer.status_code, "immutable" in answer.headers["Cache-Control"]) == (404, False)
