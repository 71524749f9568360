"""`python -m tests.browser.altcha_widget [VERSION ...]`: does ALTCHA's own widget solve our challenges, and under what
policy of the page that it stands on? Fetches the widget with npm, so it is run by hand; what it printed last is in
docs/evidence/altcha.txt. Exits with 1 where a version fails under the policy that docs/api.md names for it.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from playwright.sync_api import Browser, sync_playwright
from tests.browser.conftest import WATCH
from tests.service import RULES, Service, running_service

from moderation.web.headers import PAGE_POLICY

VERSIONS = ("1.5.1", "2.3.0", "3.2.2")
PROOF = '\n[sites.work]\nmode = "post"\nform.proof = "always"\nform.proof_numbers = 50000\n'
PATIENCE = 20.0
BASE = "default-src 'none'; script-src 'self'; connect-src {service}; "
POLICIES = {
    "ours": PAGE_POLICY.replace("connect-src 'self'", "connect-src 'self' {service}").replace("; report-to csp", ""),
    "external": BASE + "style-src 'self'; worker-src 'self'",
    "whole": BASE + "style-src 'self' 'unsafe-inline'; worker-src blob:",
}
PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>A form of one's own</title>
<link rel=stylesheet href=/altcha.css><script type=module src=/begin.js></script>
<form><altcha-widget {attribute}="{service}/v1/work/challenge" {worker} auto=onload></altcha-widget></form>
"""


BEGIN = "import '/altcha.js';\n"
WORKER = "globalThis.$altcha.algorithms.set('SHA-256', () => new Worker('/worker.js'));\n"
"""Version 3 without its workers asks for them so."""


class Site(SimpleHTTPRequestHandler):
    """A folder, with the policy that `page` names."""

    policy = ""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _site(folder: Path, policy: str) -> Iterator[str]:
    handler = type("Here", (Site,), {"policy": policy})
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def main() -> None:
    failed = []
    with tempfile.TemporaryDirectory(prefix="altcha-") as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(f"Chromium {browser.version}")
        with running_service(folder / "state", rules=RULES + PROOF) as service:
            for version in sys.argv[1:] or VERSIONS:
                package = _fetched(folder / version, version)
                for build, policy in (("external", "ours"), ("external", "external"), ("whole", "whole")):
                    told, is_good = _tried(service, browser, package, build, POLICIES[policy])
                    print(f"altcha {version:<7} {build:<9} policy {policy:<9} {told}", flush=True)
                    if not is_good and policy != "ours":
                        failed.append(version)
        for policy in ("external", "whole"):
            print(f"policy {policy}: {POLICIES[policy].format(service='SERVICE')}")
    sys.exit(1 if failed else 0)


def _fetched(folder: Path, version: str) -> Path:
    folder.mkdir()
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    subprocess.run([*words, f"altcha@{version}"], check=True, capture_output=True)
    return folder / "node_modules" / "altcha"


def _tried(service: Service, browser: Browser, package: Path, build: str, policy: str) -> tuple[str, bool]:
    """Let the widget solve a challenge, and send what it made twice."""
    folder = Path(tempfile.mkdtemp(dir=package))
    is_new = (package / "dist" / "external").is_dir()
    of = {
        "external": package / ("dist/external" if is_new else "dist_external"),
        "whole": package / ("dist/main" if is_new else "dist"),
    }
    shutil.copy(of[build] / "altcha.js", folder)
    for path in (of["external"] / "altcha.css", of["external"] / "worker.js", package / "dist/workers/sha.js"):
        if path.exists():
            shutil.copy(path, folder / ("worker.js" if path.name == "sha.js" else path.name))
    (folder / "begin.js").write_text(BEGIN + WORKER * (is_new and build == "external"), "ascii")
    attribute = "challenge" if is_new else "challengeurl"
    worker = "workerurl=/worker.js" if build == "external" and not is_new else ""
    page_text = PAGE.format(attribute=attribute, service=service.base, worker=worker)
    (folder / "index.html").write_text(page_text, "utf-8")
    with _site(folder, policy.format(service=service.base)) as base:
        page = browser.new_page()
        page.add_init_script(WATCH)
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error).splitlines()[0]))
        page.on("console", lambda told: thrown.append(told.text) if told.type == "error" else None)
        page.goto(base)
        ends, solution = time.monotonic() + PATIENCE, None
        while not solution and time.monotonic() < ends:
            page.wait_for_timeout(50)
            solution = page.evaluate("document.querySelector('input[name=altcha]')?.value")
        seen = [*dict.fromkeys(page.evaluate("window.violations"))]
        words = " ".join(page.locator("altcha-widget").inner_text().split())
        page.close()
    if not solution:
        return f"no solution; refused by the policy: {', '.join(seen) or 'nothing'}; {[*thrown[:1], words]}", False
    found = [_finding(service, solution), _finding(service, solution)]
    told = f"{', then '.join(found)}; refused by the policy: {', '.join(seen) or 'nothing'}"
    return told, found == ["passed", "proof-used"] and not seen


def _finding(service: Service, solution: str) -> str:
    comment = service.comment(form={"altcha": solution})
    requests.post(f"{service.base}/v1/work/comments", json=comment, timeout=15).raise_for_status()
    told = service.queued(service.token("queue:read"), comment["body"], "work")["explanation"]["findings"]
    return str(next(each["code"] for each in told if each["rule"] == "form.proof"))


if __name__ == "__main__":
    main()
