"""The rules on the desk: a text is tried, a draft checked, tried on past comments and activated, and rolled back."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from tests.actions.test_submit import submission
from tests.service import PASSWORD
from werkzeug.test import TestResponse

from moderation.actions import accounts, backtest_jobs, review
from moderation.actions.submit import Intake
from moderation.commands import COMMAND_LINE
from moderation.edges import queries
from moderation.runtime import Runtime
from moderation.text import language
from moderation.values import Decision, Role, Ruling
from moderation.web.app import create_app

RULES = """[sites.demo]
mode = "post"

[sites.demo.limits]
address = []
pair = []

[[rules]]
id = "trial"
when = 'comment.body.contains("ferry")'
then = "reject"
because = "About <ferries>"
shadow = true
"""
MORE = """
[[rules]]
id = "sell"
when = 'comment.body.contains("Sell") && author.approved == 0'
then = "hold"
"""
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def rt(make_runtime: Callable[..., Runtime]) -> Runtime:
    return make_runtime(RULES)


@pytest.fixture
def desk(rt: Runtime) -> Callable[..., FlaskClient]:
    """Signs in somebody of a role."""
    app = create_app(rt)

    def signed_in(role: Role = Role.ADMIN, sites: list[str] | None = None) -> FlaskClient:
        accounts.create_person(rt, accounts.SERVICE, role.value, role, sites, PASSWORD)
        client = app.test_client()
        form = {"name": role.value, "password": PASSWORD}
        assert client.post("/desk/sign-in", data=form, headers=OURS).status_code == 303
        return client

    return signed_in


@pytest.fixture
def admin(desk: Callable[..., FlaskClient]) -> FlaskClient:
    return desk()


def page(client: FlaskClient, path: str = "/desk/rules") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def send(client: FlaskClient, path: str, **form: str) -> TestResponse:
    token = page(client).split('name="csrf_token" value="')[1].split('"')[0]
    return client.post(path, data={"csrf_token": token, **form}, headers=OURS)


def draft(client: FlaskClient, do: str, text: str, mark: str | None = None) -> TestResponse:
    known = re.search(r'name="mark" value="(\w+)"', page(client, "/desk/rules/draft"))
    assert known
    return send(client, "/desk/rules/draft", do=do, text=text.replace("\n", "\r\n"), mark=mark or known[1], since="30d")


def file(rt: Runtime) -> Path:
    return rt.env.rules_path


def test_each_rule_stands_beside_what_people_decided(rt: Runtime, admin: FlaskClient) -> None:
    intake = Intake(rt)
    ids = [intake.submit(submission(n, body=f"A ferry, number {n} of many.")).comment_id for n in range(4)]
    review.decide(rt, COMMAND_LINE, [Ruling(one, 1, Decision.REJECT) for one in ids[:2]], "r")
    review.decide(rt, COMMAND_LINE, [Ruling(ids[2], 1, Decision.REJECT)], "r")
    review.decide(rt, COMMAND_LINE, [Ruling(ids[2], 2, Decision.APPROVE)], "r")
    shown = page(admin)
    row = re.search(r"/desk/rules/rule/trial.*?</tr>", shown, re.DOTALL)
    assert row
    assert re.findall(r"<td>([^<]*)</td>", row[0]) == ["reject, in the shadow", "4", "0", "2", "1", "67%"]
    assert "About &lt;ferries&gt;" in shown
    one = page(admin, "/desk/rules/rule/trial")
    assert "A ferry, number 2 of many." in one
    assert "A ferry, number 1 of many." not in one
    assert admin.get("/desk/rules/rule/nope").status_code == 404


def test_rules_that_ask_for_a_language_nobody_can_tell_are_named(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = RULES.replace('comment.body.contains("ferry")', 'comment.language == "fr"')
    assert "nothing is installed" not in draft(admin, "check", asking).get_data(as_text=True)
    monkeypatch.setattr(language, "version", lambda: "")
    shown = draft(admin, "check", asking).get_data(as_text=True)
    assert "The draft is good" in shown
    assert "The rule trial asks for comment.language, and nothing is installed here" in shown
    assert draft(admin, "activate", asking).status_code == 303
    assert "The rule trial asks for comment.language" in page(admin)


def test_a_rule_that_breaks_is_told_so(rt: Runtime, admin: FlaskClient) -> None:
    breaking = "\n[[rules]]\nid = 'share'\nwhen = '10 / author.rejected > 3'\nthen = 'tag'\n"
    assert draft(admin, "activate", RULES + breaking).status_code == 303
    intake = Intake(rt)
    for number in range(3):
        sent = intake.submit(submission(number, body=f"A ferry, number {number} of many."))
        review.decide(rt, COMMAND_LINE, [Ruling(sent.comment_id, 1, Decision.REJECT)], "r")
    rows = dict(re.findall(r"(?s)/desk/rules/rule/(\w+)(.*?)</tr>", page(admin)))
    assert "It broke on 3 of the newest comments" in rows["share"]
    assert "broke" not in rows["trial"]
    told = {name: re.findall(r"<td>(?:<strong class=.bad.>)?([^<]*)<", row) for name, row in rows.items()}
    assert told["share"] == ["tag", "0", "3", "0", "0", "–"], "what failed did not fire, and nobody agreed with it"
    assert told["trial"] == ["reject, in the shadow", "3", "0", "3", "0", "100%"]
    assert "it fired on 0 comments and failed on 3;" in page(admin, "/desk/rules/rule/share")


def test_a_text_is_tried_with_every_check_and_rule(rt: Runtime, admin: FlaskClient) -> None:
    answer = send(admin, "/desk/rules/try", text="<b>bullshit</b> and a ferry", site="demo", approved="3")
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<strong>hold</strong>" in shown
    assert '<mark title="Strong word: bullshit">bullshit</mark>' in shown
    assert "<strong>fired</strong> <code>trial</code> (reject, in the shadow)" in shown
    assert "<b>bullshit" not in shown
    assert send(admin, "/desk/rules/try", text="x", site="nope").status_code == 404


def test_a_draft_with_mistakes_names_them_and_keeps_what_was_typed(rt: Runtime, admin: FlaskClient) -> None:
    answer = draft(admin, "check", RULES.replace("contains", "contians"))
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "draft:10:22: rules.0.when" in shown
    assert "contians" in shown
    assert draft(admin, "activate", "x = [").status_code == 422
    assert file(rt).read_text("utf-8") == RULES


def test_a_draft_whose_examples_fail_is_refused(rt: Runtime, admin: FlaskClient) -> None:
    answer = draft(admin, "activate", RULES + "[[examples]]\ntext = 'Fine.'\nthen = 'reject'\n")
    assert answer.status_code == 422
    assert "it says reject, and approve came of it" in answer.get_data(as_text=True)
    assert file(rt).read_text("utf-8") == RULES


def test_a_draft_is_tried_on_past_comments_and_the_report_downloaded(
    rt: Runtime, desk: Callable[..., FlaskClient]
) -> None:
    rt.now = lambda: datetime.now(UTC)  # the backtest is a process of its own, with the clock of the machine
    admin = desk()
    intake = Intake(rt)
    for number, body in enumerate(["Sell it all.", "The ferry is late.", "Sell the ferry."]):
        intake.submit(submission(number, body=body))
    good = draft(admin, "check", RULES + MORE)
    assert "The draft is good: 2 rules, 0 examples." in good.get_data(as_text=True)
    assert '<span class="more">+id = &#34;sell&#34;' in good.get_data(as_text=True)
    started = draft(admin, "backtest", RULES + MORE)
    assert started.status_code == 303
    job = re.search(r"backtest=(\w+)", started.location)
    assert job
    path = f"/desk/rules/backtests/{job[1]}"
    for waiting in (page(admin, started.location), page(admin)):
        assert "The backtest begins as soon as no other one is running." in waiting
        assert "Look again" in waiting
    assert admin.get(path).get_json() == {
        "sentence": "The backtest begins as soon as no other one is running.", "percent": None, "open": True
    }  # fmt: skip
    assert admin.get(f"{path}/report").status_code == 404
    busy = draft(admin, "backtest", RULES)
    assert busy.status_code == 409
    assert "A backtest of yours is under way" in busy.get_data(as_text=True)
    assert backtest_jobs.work(rt)
    shown = page(admin, started.location)
    assert re.search(r"<th scope=row>newly held</th><td>2</td>", shown)
    assert "approve → hold (sell)" in shown
    assert html.escape(MORE.strip().splitlines()[1], quote=True).replace("&quot;", "&#34;") in shown, (
        "the draft is kept"
    )
    download = admin.get(f"{path}/report")
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.get_data(as_text=True).startswith("<!doctype html>")
    assert "3 comments judged." in page(admin)
    assert file(rt).read_text("utf-8") == RULES, "a draft that was only tried changes nothing"
    accounts.create_person(rt, accounts.SERVICE, "Ben", Role.ADMIN, None, PASSWORD)
    ben = admin.application.test_client()
    assert ben.post("/desk/sign-in", data={"name": "Ben", "password": PASSWORD}, headers=OURS).status_code == 303
    assert ben.get(path).status_code == 404
    assert send(ben, f"{path}/cancel").status_code == 404
    assert "comments judged" not in page(ben)


def test_a_backtest_is_cancelled(rt: Runtime, admin: FlaskClient) -> None:
    started = draft(admin, "backtest", RULES + MORE)
    path = started.location.split("backtest=")[1].split("#")[0]
    ended = send(admin, f"/desk/rules/backtests/{path}/cancel")
    assert ended.status_code == 303
    assert "The backtest was cancelled." in page(admin, ended.location)
    assert not backtest_jobs.work(rt)
    assert draft(admin, "backtest", RULES).status_code == 303


def test_a_draft_is_activated_holds_the_next_comment_and_is_rolled_back(rt: Runtime, admin: FlaskClient) -> None:
    before = rt.rules.revision
    mode = file(rt).stat().st_mode
    answer = draft(admin, "activate", RULES + MORE)
    assert answer.status_code == 303
    after = rt.rules.revision
    assert answer.location == f"/desk/rules/revisions/{after}"
    assert after != before
    assert file(rt).read_text("utf-8") == RULES + MORE
    assert file(rt).stat().st_mode == mode
    receipt = Intake(rt).submit(submission(body="Sell it all."))
    with rt.store.reading() as tx:
        held = queries.comment(tx, receipt.comment_id)
        told = queries.journal_page(tx, None, queries.JournalFilter(action="rules-activated"), None, 9)
    assert held is not None
    assert (held.status, held.revision) == ("pending", after)
    assert f'<a href="/desk/rules/revisions/{after}">' in page(admin, "/desk/?status=pending")
    assert [(row["actor"], row["before"], row["after"]) for row in told] == [("admin", before, after)]
    shown = page(admin, answer.location)
    assert "by <bdi>admin</bdi>" in shown
    assert '<span class="more">+id = &#34;sell&#34;' in shown
    back = send(admin, f"/desk/rules/revisions/{before}")
    assert back.status_code == 303
    assert rt.rules.revision == before
    assert file(rt).read_text("utf-8") == RULES
    with rt.store.reading() as tx:
        (row,) = queries.journal_page(tx, None, queries.JournalFilter(action="rules-rolled-back"), None, 9)
    assert (row["before"], row["after"]) == (after, before)
    assert send(admin, "/desk/rules/revisions/0123456789abcdef").status_code == 404


def test_what_was_in_force_before_was_put_there_by_nobody(rt: Runtime, admin: FlaskClient) -> None:
    answer = draft(admin, "activate", RULES)
    assert answer.location == f"/desk/rules/revisions/{rt.rules.revision}"
    assert "by <bdi>" not in page(admin, answer.location)


def test_a_file_that_changed_meanwhile_is_not_overwritten(rt: Runtime, admin: FlaskClient) -> None:
    file(rt).write_text(RULES + "# by hand\n", "utf-8")
    answer = draft(admin, "activate", RULES + MORE, mark="0" * 32)
    assert answer.status_code == 409
    assert "Somebody changed the rules file" in answer.get_data(as_text=True)
    assert file(rt).read_text("utf-8").endswith("# by hand\n")


HALF = RULES + "# half an hour of editing\n[sites.open\n"


def beside(rt: Runtime) -> list[bytes]:
    return [path.read_bytes() for path in file(rt).parent.glob("moderation.toml.before-*")]


def test_a_file_that_somebody_has_half_written_is_shown_and_kept(rt: Runtime, admin: FlaskClient) -> None:
    seen = re.search(r'name="mark" value="(\w+)"', page(admin, "/desk/rules/draft"))
    assert seen
    file(rt).write_text(HALF, "utf-8")
    assert draft(admin, "activate", RULES + MORE, mark=seen[1]).status_code == 409
    assert file(rt).read_text("utf-8") == HALF
    shown = page(admin, "/desk/rules/draft")
    assert "# half an hour of editing\n[sites.open\n</textarea>" in shown
    assert "the rules before it stay in force" in shown
    assert ": this is not TOML" in shown
    assert draft(admin, "activate", RULES + MORE).status_code == 303
    assert file(rt).read_text("utf-8") == RULES + MORE
    assert beside(rt) == [HALF.encode()]


def test_what_is_no_text_or_rolled_back_over_is_kept_as_well(rt: Runtime, admin: FlaskClient) -> None:
    good = rt.rules.revision
    for number, broken in enumerate((RULES.encode() + b"# caf\xe9\n", HALF.encode())):
        file(rt).write_bytes(broken)
        assert "About &lt;ferries&gt;" in page(admin, "/desk/rules/draft")
        assert send(admin, f"/desk/rules/revisions/{good}").status_code == 303
        assert file(rt).read_text("utf-8") == RULES
        assert broken in beside(rt), number


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_kept(
    rt: Runtime, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", refuse)
    answer = draft(admin, "activate", RULES + MORE)
    assert answer.status_code == 409
    assert "cannot be written from here (Read-only file system)" in answer.get_data(as_text=True)
    with rt.store.reading() as tx:
        assert queries.journal_page(tx, None, queries.JournalFilter(action="rules-activated"), None, 9) == []
    assert file(rt).read_text("utf-8") == RULES
    assert [path.name for path in file(rt).parent.iterdir() if path.name.startswith(".moderation")] == []


def test_admins_of_some_sites_read_nothing_of_the_others(desk: Callable[..., FlaskClient], rt: Runtime) -> None:
    other = "[[rules]]\nid = 'elsewhere'\nwhen = 'true'\nthen = 'hold'\nsites = ['other']\n[sites.other]\n"
    file(rt).write_text(RULES + other, "utf-8")
    assert rt.reload()
    every = desk()
    accounts.create_person(rt, accounts.SERVICE, "Some", Role.ADMIN, ["demo"], PASSWORD)
    some = every.application.test_client()
    some.post("/desk/sign-in", data={"name": "Some", "password": PASSWORD}, headers=OURS)
    assert "elsewhere" in page(every)
    assert "elsewhere" not in page(some)
    assert some.get("/desk/rules/rule/elsewhere").status_code == 404
    file(rt).write_text(RULES + other + 'promise_mail = "no address at secret.example"\n', "utf-8")
    rt.reload()
    assert "secret.example" in html.unescape(page(every))
    assert "secret.example" not in page(some)
    assert "Admins of all sites see what is wrong with the rules file." in page(some)
    assert "secret.example" not in page(some, "/desk/")
    assert "The rules file has problems. The rules from before stay in force." in page(some, "/desk/")


def test_a_draft_may_be_as_long_as_a_rules_file(rt: Runtime, admin: FlaskClient) -> None:
    long = RULES + "# a comment\n" * 40_000
    assert draft(admin, "check", long).status_code == 200
    assert draft(admin, "check", long * 12).status_code in (413, 422)


def test_only_admins_of_all_sites_see_and_change_the_file(desk: Callable[..., FlaskClient], rt: Runtime) -> None:
    for role in (Role.MODERATOR, Role.AUDITOR):
        assert desk(role).get("/desk/rules").status_code == 403
    some = desk(Role.ADMIN, ["demo"])
    assert "trial" in page(some)
    assert "/desk/rules/draft" not in page(some)
    asked = [send(some, "/desk/rules/draft", do=do, text=RULES) for do in ("check", "activate")]
    for answer in (some.get("/desk/rules/draft"), *asked):
        assert answer.status_code == 403
        assert "rules:write on all sites" in answer.get_data(as_text=True)
    assert some.get(f"/desk/rules/revisions/{rt.rules.revision}").status_code == 404
    assert file(rt).read_text("utf-8") == RULES
