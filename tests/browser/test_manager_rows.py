"""The fear that the Import Manager says less in a browser than its tests say without one: each promise of it, seen.

Whoever wants to look, too, names a folder in ROLLBOOK_TEST_PICTURES.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rollbook.actions import plugin, sources
from rollbook.connectors.powerschool import changes
from rollbook.connectors.powerschool.changes import Release
from rollbook.domain.runs import Trigger
from rollbook.lib import http
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import Account, Notice, Person, Run, Source
from rollbook.store.runs import begin, queue
from tests.browser.conftest import PASSWORD, judged, sign_in
from tests.district import Clock, Grove, small, write

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

DAY = date(2026, 10, 14)
PICTURES = os.environ.get("ROLLBOOK_TEST_PICTURES")

Press = Callable[[], None]


@pytest.fixture
def simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerSchool]:
    settings.ALLOWED_NETWORKS = ["127.0.0.1"]
    monkeypatch.setattr("rollbook.lib.clock.now", Clock(datetime(2026, 10, 14, 2, tzinfo=UTC)))
    hurried = {"apart": 0.0, "first_pause": 0.0, "read": 2.0, "tries": 1}  # it is ours
    whole = http.Limits
    monkeypatch.setattr(http, "Limits", lambda **more: whole(**(more | hurried)))
    with PowerSchool.of(50, day=DAY).ready(plugin.package(guardians=False)) as running:
        yield running


@pytest.fixture
def bare(district: Grove) -> Source:
    """A PowerSchool of which nothing is known yet."""
    return Source.objects.create(district=district.row, name="our powerschool", kind="powerschool")


@pytest.fixture
def filled(district: Grove, bare: Source, simulator: PowerSchool) -> Source:
    """A PowerSchool that could be imported from."""
    typed = {"url": simulator.url, "key": simulator.client_id, "secret": simulator.client_secret, "devices": "mix"}
    sources.set_told(district.ada, bare, [district.account.email])
    return sources.change(district.ada, bare, typed)


def look(page: Page, name: str) -> None:
    """Judge a page as it is, and leave pictures of it for people."""
    assert not judged(page)
    if not PICTURES:
        return
    for colours, width in (("light", 1300), ("dark", 390)):
        page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=Path(PICTURES) / f"row-{name}-{colours}-{width}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1300, "height": 900})


# --- D-01: the three tabs ---


def test_who_does_not_administer_is_shown_nothing_and_can_press_nothing(district: Grove, bare: Source, page: Page) -> None:
    ben = Account(district=district.row, email="ben@maple.example")
    ben.set_password(PASSWORD)
    ben.save()
    page.goto("/sign-in/")
    page.get_by_label("Email").fill(ben.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_text(["Home"])
    shown = ("", "new/", *(f"{bare.pk}/{tab}/" for tab in ("settings", "setup", "import", "limits", "disable", "devices")))
    for tab in shown:
        answer = page.goto(f"/manage/{tab}")
        assert answer and answer.status == 403, tab
        expect(page.get_by_role("heading", level=1)).to_have_text("Not for this account")
    look(page, "not-allowed")
    token = str(json.loads(page.locator("body").get_attribute("hx-headers") or "")["X-CSRFToken"])
    for press in (*shown, *(f"{bare.pk}/{each}/" for each in ("start", "enable", "upload", "method/oneroster-csv"))):
        answered = page.request.post(f"/manage/{press}", headers={"X-CSRFToken": token}, form={"do": "run", "enabled": "yes"})
        assert answered.status == 403, press
    assert not Run.objects.exists()


def test_another_method_is_asked_about_and_the_old_credentials_are_gone(district: Grove, filled: Source, page: Page) -> None:
    sign_in(page, district)
    page.goto(f"/manage/{filled.pk}/settings/")

    def choose(method: str) -> None:
        page.get_by_label("System and method").select_option(label=method)
        page.get_by_role("button", name="Save settings").click()

    choose("OneRoster CSV files")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change the method?")
    look(page, "method")
    page.get_by_role("link", name="Keep PowerSchool").click()
    kept = sources.get(district.ada, filled.name)
    assert (kept.kind, kept.settings, kept.secrets) == ("powerschool", filled.settings, filled.secrets)

    choose("OneRoster CSV files")
    page.get_by_role("button", name="Change to OneRoster CSV files").click()
    expect(page.get_by_text("Set it up before the next import.")).to_be_visible()
    expect(page.get_by_label("Integration Key")).to_have_count(0)
    assert filled.settings["key"] not in page.content()
    look(page, "method-changed")
    page.goto(f"/manage/{filled.pk}/import/")
    expect(page.get_by_role("link", name="Finish the setup")).to_be_visible()
    page.goto(f"/manage/{filled.pk}/settings/")
    choose("PowerSchool")
    page.get_by_role("button", name="Change to PowerSchool").click()
    for label in ("Integration URL", "Integration Key", "Integration Secret"):
        expect(page.get_by_label(label)).to_have_value("")


@pytest.mark.parametrize(
    ("at", "begins", "shown"),
    [
        ("2:30 am", datetime(2027, 3, 14, 7, tzinfo=UTC), "14 March, 3:30 am"),  # the clocks skip it
        ("1:30 am", datetime(2026, 11, 1, 5, tzinfo=UTC), "1 November, 1:30 am"),  # they show it twice
    ],
)
def test_when_the_clocks_change_one_import_starts_and_no_second_beside_it(
    district: Grove, page: Page, worker: Press, monkeypatch: pytest.MonkeyPatch, at: str, begins: datetime, shown: str
) -> None:
    clock = Clock(begins)
    monkeypatch.setattr("rollbook.lib.clock.now", clock)
    write(district.folder, small())
    sign_in(page, district)
    page.goto(f"/manage/{district.source.pk}/settings/")
    page.get_by_label("Time zone").select_option("America/Chicago")
    page.get_by_label("Times of day").fill(at)
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("The next import runs by itself on")).to_contain_text(shown)
    for _ in range(16):  # four hours, of which the clocks on the wall show three or five
        clock.at += timedelta(minutes=15)
        worker()
    run = Run.objects.get()
    assert (run.trigger, run.state) == ("scheduled", "applied")
    sign_in(page, district)
    page.goto(f"/manage/{district.source.pk}/import/")
    expect(page.get_by_role("definition").filter(has_text="By the schedule")).to_be_visible()
    expect(page.get_by_role("link", name=f"Import of {shown}").first).to_be_visible()

    begin(queue(district.source, Trigger.MANUAL, "somebody").pk, by="somebody")
    page.reload()
    page.get_by_role("button", name="Run import now").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("Nothing was started.*working already.*Wait until it has ended"))
    look(page, f"second-start-{at[0]}")
    assert Run.objects.count() == 2


# --- D-02: the plugin ---


def test_a_newer_plugin_says_what_changed_and_what_is_to_be_done(
    district: Grove, bare: Source, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(page, district)
    page.goto(f"/manage/{bare.pk}/setup/")
    with page.expect_download():
        page.get_by_role("link", name="Download the plugin").click()
    page.reload()
    expect(page.get_by_text("You have the newest")).to_be_visible()
    small_one = Release("1.1", date(2027, 1, 5), "The names of two queries.", enable_again=False, copy_credentials=False)
    monkeypatch.setattr(changes, "HISTORY", (small_one, *changes.HISTORY))
    page.reload()
    notice = page.locator(".warning", has_text="A newer plugin is here.")
    expect(notice).to_contain_text("Version 1.1: The names of two queries.")
    expect(notice).to_contain_text("it need not be enabled again. The credentials stay the same.")
    rooms = Release("1.2", date(2027, 2, 5), "Rooms come along.", enable_again=True, copy_credentials=False)
    monkeypatch.setattr(changes, "HISTORY", (rooms, *changes.HISTORY))
    page.reload()
    expect(notice.get_by_role("listitem")).to_have_text(
        ["Version 1.2: Rooms come along.", "Version 1.1: The names of two queries."]
    )
    expect(notice).to_contain_text("untick Enable/Disable in PowerSchool and tick it again. The credentials stay the same.")
    look(page, "newer-plugin")


# --- D-03: the credentials ---

ADDRESSES = {
    "http://ps.example.org": "begins with http://, which anybody on the way could read",
    "ftp://ps.example.org": "it has to begin with https://",
    "ps example.org": "has a blank inside",
    "https://me:word@ps.example.org": "has a name or password before the host",
    "https://": "has no host name that could exist",
    "ps.example.org:99999": "cannot be read as a host and a port",
    "": "is needed",
}


def test_an_address_is_refused_beside_its_field_and_what_was_typed_stays(
    district: Grove, bare: Source, page: Page, settings: Any
) -> None:
    settings.ALLOWED_NETWORKS = []
    sign_in(page, district)
    page.goto(f"/manage/{bare.pk}/setup/")
    url, secret, beside = (
        page.get_by_label("Integration URL"),
        page.get_by_label("Integration Secret"),
        page.locator("#id_url_error"),
    )
    page.get_by_label("Integration Key").fill("a key")
    secret.fill("a secret")
    page.get_by_label("Only Chromebooks").check()
    for typed, said in ADDRESSES.items():
        url.fill(typed)
        page.get_by_role("button", name="Test connection").click()
        expect(beside).to_contain_text(said)
        expect(page.locator("#tested")).to_contain_text(said)
        expect(url).to_have_attribute("aria-invalid", "true")
        expect(url).to_have_attribute("aria-describedby", "id_url_helptext id_url_error")
        expect(url).to_have_value(typed)
        expect(secret).to_have_value("a secret")
    look(page, "address-refused")
    url.fill("  127.0.0.1/admin/home.html ")  # put right, and then not asked, because it is our own network
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#tested")).to_contain_text("127.0.0.1 leads into the network that Rollbook itself stands in")
    expect(beside).to_be_empty()
    expect(url).not_to_have_attribute("aria-invalid", "true")


def test_each_fault_has_its_own_sentence_on_the_setup_page(
    district: Grove, filled: Source, simulator: PowerSchool, page: Page, live_server: Any
) -> None:
    sign_in(page, district)
    page.goto(f"/manage/{filled.pk}/setup/")
    secret, number = simulator.client_secret, simulator.plugin.number
    asked = simulator.url.removeprefix("http://")

    def says(text: str, *, url: str = simulator.url, word: str = secret) -> None:
        page.get_by_label("Integration URL").fill(url)
        page.get_by_label("Integration Secret").fill(word)
        page.get_by_role("button", name="Test connection").click()
        expect(page.locator("#tested")).to_contain_text(text)
        expect(page.locator("#tested")).not_to_contain_text("tried again by itself")
        assert secret not in page.locator("#tested").inner_text()

    says("The connection works.")
    says("The name nowhere.invalid has no address.", url="nowhere.invalid")
    says(f"{asked} answers, but not over TLS", url=f"https://{asked}")
    with PowerSchool.of(50, day=DAY, tls=True) as strange:
        says("is not to be trusted: self-signed certificate", url=strange.url)
    says("does not look like a PowerSchool (404", url=live_server.url.replace("localhost", "127.0.0.1"))
    says("turned down the client ID or the client secret (401", word=secret[::-1])
    simulator.plugins.disable(number)
    says("see that the Rollbook plugin is enabled")
    simulator.plugins.enable(number)
    for switch, said in {
        "field-withdrawn": "does not let the plugin read these fields (403), for Schools: schools.name",
        "too-many-requests": "PowerSchool asks us to wait 1 second (429",
        "maintenance": "as it does while it is serviced",
        "server-error": "PowerSchool is in trouble (500",
    }.items():
        simulator.faults.on(switch)
        says(said)
        simulator.switch_off(switch)
    look(page, "test-in-trouble")
    simulator.slow_seconds = 30.0
    simulator.faults.on("slow")
    says("did not answer in time")


# --- D-03 to D-05: what an import makes of it ---


def test_an_import_says_what_students_lack_changes_nothing_twice_and_never_by_half(
    district: Grove, filled: Source, simulator: PowerSchool, page: Page, worker: Press
) -> None:
    def people() -> set[tuple[str, str]]:
        return set(Person.objects.filter(source=filled).values_list("sourced_id", "status"))

    def run(state: str) -> None:
        page.goto(f"/manage/{filled.pk}/import/")
        page.get_by_role("button", name="Run import now").click()
        page.wait_for_url("**/imports/**")
        worker()
        expect(page.locator(".title .state")).to_have_text(state)  # without a press: the page watches

    sign_in(page, district)
    run("Applied")
    page.get_by_role("link", name=re.compile("Findings")).click()
    main = page.get_by_role("main")
    for said in (
        "has no email address, which signs a student in on a Chromebook.",
        "has no username, which signs a student in on anything but a Chromebook.",
        "email is shared by 2 people: student-9102501, student-9102502.",
    ):
        expect(main).to_contain_text(said)
    look(page, "findings-mix")
    before = people()

    run("Applied")
    expect(main).to_contain_text("Nothing had to be changed")

    for switch in ("empty", "short-page"):
        simulator.faults.on(switch, after=8)
        run("Waiting to start")
        page.get_by_role("link", name="History").click()
        expect(main).to_contain_text("rows instead of")
        simulator.switch_off(switch)
    assert people() == before

    told = Notice.objects.count()
    simulator.plugin.renew()
    run("Failed")
    expect(main).to_contain_text("turned down the client ID or the client secret")
    look(page, "secret-regenerated")
    assert people() == before
    assert list(Notice.objects.order_by("pk").values_list("kind", flat=True))[told:] == ["results"]
