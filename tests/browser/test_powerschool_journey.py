"""The fear that the way from a plugin to a roster, and through the nights after, is lost between two systems.

One story in two windows, a simulated PowerSchool and a Rollbook with its own worker, mail and clock. Where pictures are wanted,
each step leaves one, those of docs/howto/connect-powerschool.md among them: see CONTRIBUTING.md.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import Account, Person, Source
from tests.browser.conftest import PASSWORD, Running, be, judged, sets_up_an_app
from tests.postbox import Postbox, listening

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADA = "ada@poplarvalley.example"
HOWTO = Path(__file__).parents[2] / "docs" / "howto" / "connect-powerschool.md"
#: Pictures in the how-to are this wide.
WIDE = 1000


class Pictures:
    """Keeps a picture of every step, if anywhere, and looks at what no other test looks at."""

    def __init__(self, folder: Path | None, ours: str) -> None:
        self.folder, self.ours, self.number, self.secret = folder, ours, 0, ""
        self.shown: set[str] = set()

    def step(self, page: Page, name: str) -> None:
        """Keep a picture of a whole page, which tells no secret; PowerSchool's own pages shut nobody out, as ours do not."""
        self.number += 1
        if self.folder:
            page.evaluate("window.scrollTo(0, 0)")  # what sticks to the top of the window belongs to the top of the picture
            page.screenshot(path=self.folder / f"{self.number:02}-{name}.png", full_page=True, caret="initial")
        if not page.url.startswith(self.ours):  # all of ours are judged in test_every_page.py
            assert not judged(page)
        assert not self.secret or self.secret not in page.content()

    def howto(self, what: Page | Locator, name: str) -> None:
        """Keep a picture of what the how-to speaks of."""
        file = f"powerschool-{name}.png"
        self.shown.add(file)
        if not self.folder:
            expect(what if isinstance(what, Locator) else what.get_by_role("main")).to_be_visible()
            return
        page = what if isinstance(what, Page) else what.page
        before = page.viewport_size
        page.set_viewport_size({"width": WIDE, "height": 640})
        what.screenshot(path=self.folder / "howto" / file, caret="initial")
        assert before
        page.set_viewport_size(before)


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with listening(settings) as box:
        yield box


@pytest.fixture
def pictures(live_server: Any) -> Pictures:
    kept = os.environ.get("ROLLBOOK_TEST_PICTURES")
    return Pictures(Path(kept) / "journey" if kept else None, live_server.url)


@pytest.mark.usefixtures("at_work")
def test_the_whole_way_from_the_plugin_to_a_night_that_was_held(
    window: BrowserContext, simulated: PowerSchool, postbox: Postbox, clock: Running, pictures: Pictures, tmp_path: Path
) -> None:
    page, other = window.new_page(), window.new_page()
    begin(page, pictures)
    until(lambda: len(postbox.letters) == 1)  # that a second factor was added
    postbox.mails.clear()
    package = download(page, pictures, tmp_path)
    key, secret = install(other, simulated, package, pictures)
    pictures.secret = secret
    connect(page, simulated, key, secret, pictures)
    first_import(page, other, simulated, postbox, pictures)
    look_around(page, pictures)
    other_devices(page, pictures)
    a_night(page, other, simulated, clock, postbox, pictures)
    half_a_school(page, other, simulated, clock, postbox, pictures)
    decide(page, postbox, pictures)
    disable(page, secret, pictures)
    shown = re.findall(r"\(pictures/([^)]+)\)", HOWTO.read_text())
    assert sorted(shown) == sorted(pictures.shown)


def begin(page: Page, pictures: Pictures) -> None:
    page.goto("/")
    page.get_by_label("Name of the district").fill("Poplar Valley")
    page.get_by_label("Time zone").select_option("America/Chicago")
    page.get_by_label("Your email").fill(ADA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    page.get_by_role("button", name="Start").click()
    sets_up_an_app(page)
    pictures.step(page, "home-empty")
    page.get_by_role("link", name="Add a source").click()
    page.get_by_label("Name").fill("Our PowerSchool")
    page.get_by_label("System and method").select_option(label="PowerSchool")
    page.get_by_label("Times of day").fill("2 am")
    expect(page.get_by_label("Who is told")).to_have_value(ADA)
    pictures.step(page, "settings")
    page.get_by_role("button", name="Save and go on to Setup").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Setup of Our PowerSchool")


def download(page: Page, pictures: Pictures, folder: Path) -> Path:
    pictures.step(page, "setup")
    pictures.howto(section(page, "step-1"), "download")
    page.get_by_text("What the plugin asks for, and why").click()
    page.locator("summary", has_text="students").first.click()
    expect(page.get_by_text("student_web_id")).to_be_visible()
    pictures.step(page, "fields")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Download the plugin").click()
    package = folder / fetched.value.suggested_filename
    fetched.value.save_as(package)
    assert package.suffix == ".zip"
    return package


def install(other: Page, simulated: PowerSchool, package: Path, pictures: Pictures) -> tuple[str, str]:
    other.goto(simulated.url)
    main = other.get_by_role("main")
    for place in ("System", "System Settings", "Plugin Management Configuration", "Install"):
        main.get_by_role("link", name=place, exact=True).click()
    other.get_by_label("Plugin Installation File").set_input_files(package)
    pictures.step(other, "powerschool-install")
    pictures.howto(other, "install")
    other.get_by_role("button", name="Install", exact=True).click()
    expect(main).to_contain_text("It is disabled")
    main.get_by_role("link", name="Plugin Management Configuration").click()
    other.get_by_label("Enable Rollbook roster").check()
    pictures.step(other, "powerschool-dashboard")
    pictures.howto(other, "enable")
    other.get_by_role("button", name="Apply").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Enable Rollbook roster")
    pictures.step(other, "powerschool-fields")
    other.get_by_role("button", name="Enable", exact=True).click()
    main.get_by_role("link", name="Rollbook roster").click()
    main.get_by_role("link", name="Data Provider Configuration").click()
    pictures.step(other, "powerschool-credentials")
    pictures.howto(other, "credentials")
    key, secret = (other.get_by_role("row", name=name).locator("code").inner_text() for name in ("Client ID", "Client Secret"))
    return key, secret


def connect(page: Page, simulated: PowerSchool, key: str, secret: str, pictures: Pictures) -> None:
    page.reload()
    expect(page.get_by_text("was downloaded on")).to_contain_text("You have the newest")
    page.get_by_role("button", name="Continue: Process Import").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved. 4 things need another look")
    pictures.step(page, "setup-nothing-entered")
    page.get_by_label("Integration Key").fill(f" {key}")
    page.get_by_label("Integration Secret").fill(secret[::-1])
    page.get_by_label("Mix of Chromebooks and non-Chromebooks").check()
    page.get_by_label("Integration URL").fill(f"  {simulated.url}/admin/home.html/ ")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("alert").last).to_contain_text("PowerSchool turned down the client ID or the client secret")
    expect(page.get_by_text("is needed.")).to_have_count(0)
    pictures.step(page, "test-turned-down")
    page.get_by_label("Integration URL").fill("https://powerschool.poplarvalley.example")
    pictures.howto(section(page, "step-3"), "enter")
    page.get_by_label("Integration URL").fill(f"  {simulated.url}/admin/home.html/ ")
    page.get_by_label("Integration Secret").fill(f"{secret} ")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("The connection works.")).to_be_visible()
    pictures.step(page, "test-works")
    pictures.howto(section(page, "step-4"), "test")


def first_import(page: Page, other: Page, simulated: PowerSchool, postbox: Postbox, pictures: Pictures) -> None:
    simulated.faults.on("slow")  # so that there is something to see
    page.get_by_role("button", name="Continue: Process Import").click()
    expect(page.locator("progress")).to_have_attribute("value", re.compile("[1-9]"))
    page.route("**/progress/", lambda route: route.fulfill(status=204))  # it holds still for its picture
    pictures.step(page, "progress")
    page.unroute("**/progress/")
    simulated.faults.off("slow")
    expect(state(page)).to_have_text("Applied")  # without a press: the page watches
    pictures.step(page, "first-import")
    until(lambda: len(postbox.letters) == 1)
    results = postbox.letters[0]
    assert (results["to"], results["subject"].split(":")[0]) == (ADA, "Import Results")
    read(page, results, "mail-results", pictures)
    page.goto("/manage/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Import from Our PowerSchool")
    figures = page.get_by_role("row", name="Users – Students").get_by_role("cell").all_inner_texts()
    assert figures[0] == figures[2] != "0"
    assert f"read {figures[0]}, added {figures[2]}, " in results.get_body(("plain",)).get_content()
    pictures.step(page, "manage-import")


def look_around(page: Page, pictures: Pictures) -> None:
    page.get_by_role("link", name="People").click()
    expect(page.get_by_text(f"{active():,} people")).to_be_visible()
    pictures.step(page, "people")
    page.locator("a.whole").first.click()
    pictures.step(page, "person")
    page.get_by_role("link", name="Classes").click()
    page.locator("a.whole").first.click()
    pictures.step(page, "class")


def other_devices(page: Page, pictures: Pictures) -> None:
    setup = f"/manage/{Source.objects.get().pk}/setup/"
    page.goto(setup)
    expect(page.get_by_label("Integration URL")).to_have_value(Source.objects.get().settings["url"])
    page.get_by_label("Only Chromebooks").check()
    page.get_by_role("button", name="Save setup").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change Student Devices?")
    assert Source.objects.get().settings["devices"] == "mix"
    pictures.step(page, "devices")
    pictures.howto(page.locator("main"), "devices")
    page.get_by_role("link", name="Keep Mix").click()
    expect(page.get_by_label("Mix of Chromebooks and non-Chromebooks")).to_be_checked()


def a_night(page: Page, other: Page, simulated: PowerSchool, clock: Running, postbox: Postbox, pictures: Pictures) -> None:
    before = active()
    next_day(other, simulated, pictures)
    clock.forward(hours=11)
    until(lambda: len(postbox.letters) == 2)
    be(page, Account.objects.get(email=ADA))  # it is another day
    page.goto("/imports/")
    expect(page.locator("tbody tr").first).to_contain_text("Applied")
    expect(page.locator("tbody tr").first).to_contain_text("schedule")
    pictures.step(page, "imports-next-day")
    assert postbox.letters[1]["subject"].startswith("Import Results")
    assert abs(active() - before) < 3


def half_a_school(page: Page, other: Page, simulated: PowerSchool, clock: Running, postbox: Postbox, pictures: Pictures) -> None:
    before = active()
    next_day(other, simulated, pictures)
    clock.forward(days=1)
    until(lambda: len(postbox.letters) == 4)
    subjects = sorted(mail["subject"].split(":")[0] for mail in postbox.letters[2:])
    assert subjects == ["Check Your Data", "Import Results"]
    for mail in postbox.letters[2:]:
        read(page, mail, f"mail-held-{mail['subject'].split()[0].lower()}", pictures)
    be(page, Account.objects.get(email=ADA))
    page.goto("/")
    expect(page.get_by_role("heading", name="Waiting for your answer")).to_be_visible()
    assert active() == before
    pictures.step(page, "home-held")


def decide(page: Page, postbox: Postbox, pictures: Pictures) -> None:
    before = active()
    page.get_by_role("link", name="Look at this import").click()
    expect(state(page)).to_contain_text("Held since")
    pictures.step(page, "held")
    pictures.howto(page, "held")
    page.get_by_label("What changes").select_option("person")
    expect(page.get_by_text("Place in a class")).to_have_count(0)
    pictures.step(page, "held-changes")
    with page.expect_download() as fetched:
        page.get_by_role("link", name="CSV").click()
    leaving = fetched.value.path().read_text().count("\n") - 1
    page.get_by_role("link", name="Approve").click()
    pictures.step(page, "approve")
    page.get_by_role("button", name="Approve").click()
    expect(state(page)).to_have_text("Applied")
    until(lambda: len(postbox.letters) == 5)
    assert active() == before - leaving
    page.get_by_role("link", name="History").click()
    expect(page.locator("#about")).to_contain_text("pproved")
    pictures.step(page, "history")


def disable(page: Page, secret: str, pictures: Pictures) -> None:
    before = active()
    page.goto(f"/manage/{Source.objects.get().pk}/settings/")
    page.get_by_role("link", name="Disable integration").click()
    pictures.step(page, "disable")
    page.get_by_role("button", name="Disable integration").click()
    pictures.step(page, "disabled")
    assert (Source.objects.get().secrets, Source.objects.get().next_at, active()) == ("", None, before)
    page.get_by_role("button", name="Import again").click()
    expect(page.get_by_text("stays stopped until its secret has been entered again")).to_be_visible()
    pictures.step(page, "enable-again")
    page.get_by_label("Integration Secret").fill(secret)
    page.get_by_role("button", name="Continue: Process Import").click()
    expect(state(page)).to_have_text("Applied")
    assert Source.objects.get().next_at
    page.goto("/audit/")
    for said in ("downloaded", "tested", "approved", "stopped", "enabled"):
        expect(page.get_by_role("main")).to_contain_text(said)
    pictures.step(page, "audit")


def next_day(other: Page, simulated: PowerSchool, pictures: Pictures) -> None:
    other.goto(simulated.url)
    other.get_by_role("main").get_by_role("link", name="Simulator").click()
    other.get_by_role("button", name="Go to tomorrow").click()
    if simulated.day == 1:
        pictures.step(other, "powerschool-tomorrow")


def read(page: Page, mail: EmailMessage, name: str, pictures: Pictures) -> None:
    """Look at a mail as a mail program shows it. Whoever can sign in is named in none."""
    parts = {kind: part.get_content() for kind in ("plain", "html") if (part := mail.get_body((kind,)))}
    assert parts.keys() == {"plain", "html"}
    assert not any(pictures.secret in part for part in parts.values())
    page.goto("about:blank")
    page.set_content(parts["html"])
    pictures.step(page, name)


def section(page: Page, heading: str) -> Locator:
    return page.locator(f"section[aria-labelledby={heading}]")


def state(page: Page) -> Locator:
    return page.locator("h1 + .state")


def active() -> int:
    return Person.objects.filter(status="active").count()


def until(true: Callable[[], bool]) -> None:
    """Wait for what no page shows."""
    waits = threading.Event()
    for _ in range(300):
        if true():
            return
        waits.wait(0.1)
    raise AssertionError("it did not come about in half a minute")
