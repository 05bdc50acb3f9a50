"""The fear that a PowerSchool source is judged, watched or left otherwise in a browser than its tests say without one."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rollbook.actions import plugin, review, runs, sources
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import Run, Source
from tests.browser.conftest import sign_in
from tests.district import Grove

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def source(district: Grove, simulated: PowerSchool) -> Source:
    """A PowerSchool whose students work on anything but Chromebooks, which has been imported from."""
    simulated.ready(plugin.package(guardians=False))
    keys = {"url": simulated.url, "key": simulated.client_id, "secret": simulated.client_secret}
    keys |= {"devices": "none", "district": "Maple Grove"}
    made = sources.add(district.ada, "powerschool", "Our PowerSchool", keys)
    assert runs.perform(runs.start(district.ada, made)).state == "applied"
    return made


def kept(page: Page, name: str) -> None:
    """Keep a picture, if anywhere."""
    if folder := os.environ.get("ROLLBOOK_TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"powerschool-row-{name}.png", full_page=True)


def found(page: Page, run: Run, rule: str) -> int:
    """Return how many rows a rule has found, as the page of an import says; 0 if it does not speak of it."""
    page.goto(f"/imports/{run.pk}/findings/")
    expect(page.locator("#about")).to_be_visible()
    number = page.locator(f"#rule-{rule}")
    return int(number.inner_text().split()[0].replace(",", "")) if number.count() else 0


def hits(run: Run, rule: str) -> int:
    """Return how many rows a rule has found, as the import keeps it."""
    return next(group.count for group in review.finding_groups(run) if group.rule == rule)


@pytest.mark.usefixtures("at_work")
def test_another_answer_about_devices_warns_of_as_many_students_as_it_was_said_to(
    page: Page, district: Grove, source: Source
) -> None:
    sign_in(page, district)
    first = Run.objects.latest("pk")
    assert found(page, first, "student_without_username")
    assert not found(page, first, "student_without_email")

    page.goto(f"/manage/{source.pk}/setup/")
    page.get_by_label("Only Chromebooks").check()
    page.get_by_role("button", name="Continue: Process Import").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change Student Devices?")
    row = page.get_by_role("row", name="Students without an email address")
    expect(row).to_contain_text("not asked for")
    announced = int(row.get_by_role("cell").last.locator("strong").inner_text())
    assert announced > 0
    username = page.get_by_role("row", name="Students without a username").get_by_role("cell").first
    assert int(username.inner_text()) == hits(first, "student_without_username")
    kept(page, "devices")
    source.refresh_from_db()
    assert (source.settings["devices"], Run.objects.count()) == ("none", 1), "nothing is kept before it is confirmed"

    page.get_by_role("button", name="Change and continue: Process Import").click()
    expect(page.locator("h1 + .state")).to_have_text("Applied")

    second = Run.objects.latest("pk")
    assert second != first
    assert found(page, second, "student_without_email") == announced
    kept(page, "chromebooks")
    assert not found(page, second, "student_without_username")
    assert not any(each[kind] for each in second.counts.values() for kind in ("appear", "alter", "vanish", "return"))


@pytest.mark.usefixtures("at_work")
def test_a_slow_pull_is_watched_row_by_row_on_both_pages(
    page: Page, district: Grove, source: Source, simulated: PowerSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollbook.store.runs.HEARTBEAT", timedelta(milliseconds=100))
    simulated.slow_seconds = 2.5
    simulated.faults.on("slow")
    sign_in(page, district)
    page.goto(f"/manage/{source.pk}/import/")
    page.get_by_role("button", name="Run import now").click()
    come = page.locator("#progress").get_by_text(re.compile(r": \d+ of \d+$")).first
    expect(come).to_be_visible(timeout=60_000)
    kept(page, "pull")
    page.goto(f"/manage/{source.pk}/import/")
    expect(come).to_be_visible(timeout=60_000)
    kept(page, "pull-on-import-tab")

    simulated.faults.clear()

    expect(page.locator("#progress")).to_have_count(0, timeout=60_000)
    expect(page.get_by_role("heading", name="Summary from last import")).to_be_visible()
    assert Run.objects.latest("pk").state == "applied"


def test_while_a_test_is_under_way_nothing_says_that_the_connection_works(
    page: Page, district: Grove, source: Source, simulated: PowerSchool
) -> None:
    sign_in(page, district)
    page.goto(f"/manage/{source.pk}/setup/")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("The connection works.")).to_be_visible()
    simulated.slow_seconds = 60.0
    simulated.faults.on("slow")

    page.get_by_role("button", name="Test connection").click()

    expect(page.get_by_text("PowerSchool is being asked.")).to_be_visible()
    expect(page.get_by_text("The connection works.")).to_be_hidden()
    kept(page, "asking")
    simulated.faults.clear()
    simulated.stopping.set()
