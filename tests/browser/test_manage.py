"""The fear that the Import Manager and the roster work for those alone who see, point and have a large screen."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rollbook.store.models import Source
from tests.browser.conftest import judged, sign_in
from tests.district import Grove, minus, small, write

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

STUDENTS = small(20)


def test_a_source_is_added_set_up_by_an_upload_and_imported(
    district: Grove, page: Page, tmp_path: Path, worker: Callable[[], None]
) -> None:
    folder = write(tmp_path / "export", STUDENTS)
    sign_in(page, district)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Settings", exact=True).last.click()
    page.get_by_role("link", name="Add a source").click()
    page.get_by_label("Times of day").fill("25 o'clock")
    page.get_by_role("button", name="Save and go on to Setup").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved. 2 things need another look:")
    assert not judged(page)
    page.get_by_label("Name").fill("Roosevelt files")
    page.get_by_label("Times of day").fill("2 am")
    page.get_by_role("button", name="Save and go on to Setup").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Setup of Roosevelt files")
    page.get_by_label("Files", exact=True).set_input_files(sorted(folder.glob("*.csv")))
    page.get_by_role("button", name="Upload and use these files").click()
    expect(page.get_by_role("status")).to_contain_text("The files are here. OneRoster 1.1 as CSV files")
    page.get_by_role("navigation", name="Import Manager").get_by_role("link", name="Import", exact=True).click()
    expect(page.get_by_text("The next import runs by itself on")).to_be_visible()
    page.get_by_role("button", name="Run import now").click()
    worker()
    expect(page.locator("h1 + .state")).to_have_text("Applied")
    page.goto(f"/manage/{Source.objects.get(name='Roosevelt files').pk}/import/")
    expect(page.get_by_role("row", name="Users – Students")).to_contain_text("20")
    assert not judged(page)


def test_a_limit_is_tried_saved_and_reset_by_keyboard(district: Grove, page: Page) -> None:
    district.applies(STUDENTS)
    district.applies(minus(STUDENTS, "p20"))
    sign_in(page, district)
    page.goto(f"/manage/{district.source.pk}/limits/")
    row = page.locator("#limit-person\\.vanish\\.student\\.org\\.share")
    share, floor = row.locator("input").first, row.locator("input").last
    share.fill("1")
    floor.fill("1")
    page.get_by_role("button", name="Try on the last 30 imports").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Tried, not saved.")
    expect(row).to_contain_text("1 of 1 import so far would have been held")
    floor.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The limit has been changed.")
    share.fill("2")
    share.press("Enter")  # the first button that one sees would now reset the limit
    expect(row).to_contain_text("Hold when 2 % or more")
    row.get_by_role("button", name="Reset to the default").press("Enter")
    expect(page.get_by_role("status")).to_have_text("The limit is the default one again.")


def test_somebody_is_found_and_opened_by_keyboard(district: Grove, page: Page) -> None:
    district.applies(STUDENTS)
    sign_in(page, district)
    page.goto("/people/")
    page.get_by_role("searchbox").fill("p7@")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("1 person found.")).to_be_visible()
    page.get_by_role("link", name="Fp7, Gp7").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gp7 Fp7")
