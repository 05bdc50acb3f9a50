"""A browser, a server that it talks to, and a judge of what people who do not see, or do not point, can use."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from rollbook.actions import work
from rollbook.lib import clock as ours
from rollbook.lib import http
from rollbook.sandbox.powerschool import district as invented
from rollbook.sandbox.powerschool import tomorrow
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.sandbox.powerschool.system import Tables
from rollbook.store.models import Account
from tests.district import Grove
from tests.signing_in import of

#: An import takes a second, and on a machine that does much else at once many. What is right is found at once all the same.
expect.set_options(timeout=60_000)


@pytest.fixture
def window(browser: Browser, live_server: Any, settings: Any, tmp_path: Path) -> Iterator[BrowserContext]:
    """A window that knows the server's address, complains of errors on any page and forgets everything afterwards."""
    settings.DATA_DIR = tmp_path / "kept"
    settings.PUBLIC_URL = live_server.url
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    yield context
    context.close()
    unexpected = [each for each in said if "Failed to load resource" not in each]  # what a page answers is asserted elsewhere
    assert not unexpected, unexpected


@pytest.fixture
def page(window: BrowserContext) -> Page:
    return window.new_page()


@pytest.fixture
def district(window: BrowserContext, transactional_db: None, tmp_path: Path) -> Grove:
    grove = Grove(tmp_path)
    grove.account.set_password(PASSWORD)
    grove.account.save()
    return grove


PASSWORD = "four odd words together"


def sign_in(page: Page, district: Grove) -> None:
    """Be the administrator. The door itself is gone through in `test_door.py`."""
    be(page, district.account)
    page.goto("/")


def be(page: Page, account: Account) -> None:
    """Let the window go on as somebody who has given all that the door asks for."""
    page.goto("/sign-in/")
    cookies = of(account).cookies.items()
    page.context.add_cookies([{"name": key, "value": each.value, "url": urljoin(page.url, "/")} for key, each in cookies])


def sets_up_an_app(page: Page) -> list[str]:
    """Give the account the second factor that it is asked for; return the recovery codes."""
    page.get_by_role("link", name="Set up an app").click()
    page.get_by_text("Cannot scan?").click()
    secret = page.locator("p.id").inner_text().replace(" ", "")
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).at(ours.now()))
    page.get_by_role("button", name="Add this app").click()
    codes = page.locator("li.id").all_inner_texts()
    page.get_by_role("link", name="I have kept them").click()
    return codes


@pytest.fixture
def worker(live_server: Any) -> Callable[[], None]:
    """Give a press of a button: one round of a worker, in a thread of its own as in a server."""

    def once() -> None:
        thread = threading.Thread(target=_round)
        thread.start()
        thread.join(60)

    return once


def _round() -> None:
    from django.db import connection

    try:
        work.once()
    finally:
        connection.close()


def judged(page: Page) -> list[str]:
    """Return what a page does wrong for people who use it in other ways, in words."""
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{page.url}: {each['id']}: {node['html'][:160]}: {node.get('failureSummary', '')[:300]}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


# --- a PowerSchool, and the time there ---

STUDENTS, SEED, FIRST_DAY = 120, 2, date(2026, 10, 14)


class Running:
    """A clock that goes, from a moment that is always the same; a test may move it."""

    def __init__(self, at: datetime) -> None:
        self.ahead = at - datetime.now(UTC)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Running:
    running = Running(datetime(2026, 10, 14, 20, tzinfo=UTC))
    monkeypatch.setattr("rollbook.lib.clock.now", running)
    return running


@pytest.fixture
def simulated(settings: Any, monkeypatch: pytest.MonkeyPatch, clock: Running) -> Iterator[PowerSchool]:
    """A PowerSchool: after an ordinary night there comes one on which half of a school is lost."""

    def night(tables: Tables, number: int, today: date) -> Tables:
        if number == 1:
            return tomorrow.step(dict(tables), seed=SEED, today=today)
        return tomorrow.half_a_school_leaves(dict(tables), today=today)

    settings.ALLOWED_NETWORKS = ["127.0.0.1"]
    monkeypatch.setattr(http, "Limits", partial(http.Limits, apart=0.0, first_pause=0.0))  # it is ours, and may be hurried
    with PowerSchool(invented.tables(STUDENTS, SEED, FIRST_DAY), tomorrow=night) as running:
        running.slow_seconds = 0.15
        yield running


@pytest.fixture
def at_work(window: BrowserContext, transactional_db: None, clock: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker, as `rollbook serve` has one."""
    from django.db import connection

    monkeypatch.setattr(work, "REST", 0.1)
    stop = threading.Event()

    def works() -> None:
        try:
            work.forever(stop)
        finally:
            connection.close()

    thread = threading.Thread(target=works)
    thread.start()
    yield
    stop.set()
    thread.join(60)
