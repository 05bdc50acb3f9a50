"""A browser, a server that it talks to, and a judge of what people who do not see, or do not point, can use."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from rollbook.actions import work
from tests.district import Grove

#: What every browser window of the tests is started with: it talks to nobody but the server.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's own loop runs in this thread; the tests do not use it


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield found
        found.close()


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
    page.goto("/sign-in/")
    page.get_by_label("Email").fill(district.account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


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
