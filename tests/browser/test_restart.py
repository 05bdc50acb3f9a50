"""The fear that a server which is restarted in the middle of a set-up has forgotten what was entered."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, sets_up_an_app
from tests.cli.conftest import Program, ended, program_at

pytestmark = [pytest.mark.browser, pytest.mark.once]

SECRET = "5e3b-not-to-be-seen"


@contextmanager
def serving(program: Program, port: int) -> Iterator[None]:
    """A server as people start it, which ends when it is told to."""
    server = program("serve", "--port", port)
    try:
        yield
        server.send_signal(signal.SIGINT)
        assert ended(server).code == 0
    finally:
        server.kill()


def opens(page: Page, address: str) -> None:
    """Open a page of a server that is only just starting."""
    for _ in range(100):
        try:
            page.goto(address)
        except Exception:
            page.wait_for_timeout(300)
        else:
            return
    raise AssertionError(f"{address} does not answer")


def test_a_restart_in_the_middle_of_setting_up_loses_nothing_that_was_saved(
    browser: Browser, empty_database: str, tmp_path: Path
) -> None:
    program = program_at(tmp_path, empty_database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = browser.new_context(base_url=f"http://127.0.0.1:{port}").new_page()

    with serving(program, port):
        opens(page, "/first-start/")
        page.get_by_label("Name of the district").fill("Poplar Valley")
        page.get_by_label("Time zone").select_option("America/Chicago")
        page.get_by_label("Your email").fill("ada@poplarvalley.example")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password once more").fill(PASSWORD)
        page.get_by_role("button", name="Start").click()
        sets_up_an_app(page)
        page.goto("/manage/new/")
        page.get_by_label("Name").fill("Our PowerSchool")
        page.get_by_label("System and method").select_option(label="PowerSchool")
        page.get_by_label("Times of day").fill("2 am, 1:30 pm")
        page.get_by_label("Tuesday").check()
        page.get_by_label("The school year changes on").fill("2027-07-01")
        page.get_by_label("Who is told").fill("bo@poplarvalley.example")
        page.get_by_role("button", name="Save and go on to Setup").click()
        setup = page.url

    with serving(program, port):
        opens(page, setup)  # nobody has to sign in again
        page.get_by_label("Integration URL").fill("https://ps.poplarvalley.example")
        page.get_by_label("Integration Key").fill("4d2a")
        page.get_by_label("Integration Secret").fill(SECRET)
        page.get_by_label("No Chromebooks").check()
        page.get_by_role("button", name="Save setup").last.click()
        expect(page.get_by_text("The setup has been saved.")).to_be_visible()

    with serving(program, port):
        opens(page, setup)
        expect(page.get_by_label("Integration URL")).to_have_value("https://ps.poplarvalley.example")
        expect(page.get_by_label("Integration Key")).to_have_value("4d2a")
        expect(page.get_by_label("No Chromebooks")).to_be_checked()
        expect(page.get_by_label("Integration Secret")).to_have_value("")
        assert SECRET not in page.content()
        page.get_by_role("button", name="Save setup").last.click()  # with the secret that is kept
        expect(page.get_by_text("The setup has been saved.")).to_be_visible()
        page.get_by_role("link", name="Settings", exact=True).last.click()
        expect(page.get_by_label("System and method")).to_have_value("powerschool")
        expect(page.get_by_label("Times of day")).to_have_value("2:00 am, 1:30 pm")
        expect(page.get_by_label("Tuesday")).to_be_checked()
        expect(page.get_by_label("Wednesday")).not_to_be_checked()
        expect(page.get_by_label("The school year changes on")).to_have_value("2027-07-01")
        expect(page.get_by_label("Who is told")).to_have_value("bo@poplarvalley.example")
        expect(page.get_by_label("Time zone of the district")).to_have_value("America/Chicago")
    page.context.close()
