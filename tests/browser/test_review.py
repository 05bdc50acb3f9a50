"""The fear that a secretary, a keyboard or a phone cannot get from a held import to an answer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from rollbook.actions import actor, runs, sources
from rollbook.store.models import Account, Run
from tests.browser.conftest import PASSWORD, sets_up_an_app, sign_in
from tests.district import Grove, minus, small, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STUDENTS = small(20)
FEWER = minus(STUDENTS, *(f"p{number}" for number in range(11, 21)))


@pytest.fixture
def held(district: Grove) -> Run:
    district.applies(STUDENTS)
    run = district.sends(FEWER)
    assert run.state == "held", run.message
    return run


def test_the_whole_story_from_first_start_to_undo(page: Page, worker: Callable[[], None], tmp_path: Path) -> None:
    page.goto("/")
    page.get_by_label("Name of the district").fill("Maple Grove")
    page.get_by_label("Time zone").select_option("America/Chicago")
    page.get_by_label("Your email").fill("ada@maple.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    page.get_by_role("button", name="Start").click()
    sets_up_an_app(page)
    expect(page.get_by_role("heading", name="Begin with where your roster comes from")).to_be_visible()

    folder = write(tmp_path / "sent", STUDENTS)
    ada = actor.of_account(Account.objects.get(email="ada@maple.example"))
    sources.add(ada, "oneroster-csv", "Lincoln", {"path": str(folder)})
    page.reload()
    page.get_by_role("button", name="Import now from Lincoln").click()
    expect(page.get_by_text("This import waits to start.")).to_be_visible()
    worker()
    expect(page.locator("h1 + .state")).to_have_text("Applied")  # without a press: the page watches

    write(folder, FEWER)
    page.get_by_role("link", name="Home").click()
    page.get_by_role("button", name="Import now from Lincoln").click()
    worker()
    expect(page.locator("h1 + .state")).to_contain_text("Held since")
    expect(page.locator("#says")).to_have_text(
        "This import would deactivate 10 of 20 students at School s1, 50.0\u00a0%. Your limit is 10 %. Nothing has been changed."
    )

    page.get_by_role("link", name="Approve").click()
    page.get_by_role("button", name="Approve and deactivate 10 people").click()
    expect(page.get_by_text("Approved. The changes are about to be written.")).to_be_visible()
    worker()
    expect(page.locator("h1 + .state")).to_have_text("Applied")

    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    worker()
    expect(page.locator("#says")).to_contain_text("undone")
    expect(page.locator("h1 + .state")).to_have_text("Applied")


@pytest.mark.once
def test_the_answers_stay_in_reach_while_scrolling(page: Page, district: Grove, held: Run) -> None:
    sign_in(page, district)
    for width in (1300, 320):
        page.set_viewport_size({"width": width, "height": 700})
        page.goto(f"/imports/{held.pk}/")
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(page.get_by_role("link", name="Approve")).to_be_in_viewport()
        expect(page.get_by_role("link", name="Reject")).to_be_in_viewport()
        expect(page.get_by_role("button", name="Run again")).to_be_in_viewport()


@pytest.mark.once
def test_tabs_and_filters_change_only_what_they_are_about(page: Page, district: Grove, held: Run) -> None:
    sign_in(page, district)
    page.goto(f"/imports/{held.pk}/")
    page.evaluate("document.getElementById('says').dataset.same = 'yes'")
    page.get_by_role("link", name="Limits").click()
    expect(page.get_by_text("Every import is held against all limits")).to_be_visible()
    assert page.url.endswith("/limits/#about")
    page.get_by_role("link", name="Changes").click()
    expect(page.get_by_label("What changes")).to_be_visible()
    # For some twenty milliseconds the new tab hears nothing yet: nobody is as fast as a test.
    expect(page.locator(".htmx-request, .htmx-added, .htmx-settling")).to_have_count(0)
    page.get_by_label("What changes").select_option("person")
    expect(page.locator("table.changes tbody tr")).to_have_count(10)
    page.get_by_label("Name, number, email or class").fill("Fp12")
    expect(page.locator("table.changes tbody tr")).to_have_count(1)
    expect(page.locator("table.changes tbody tr")).to_contain_text("Gp12 Fp12")
    assert page.locator("#says").get_attribute("data-same") == "yes"
    assert "q=Fp12" in page.url
    page.reload()
    expect(page.locator("table.changes tbody tr")).to_have_count(1)


@pytest.mark.once
def test_a_tab_of_a_page_that_is_out_of_date_brings_what_became_of_the_import(
    page: Page, district: Grove, held: Run, worker: Callable[[], None]
) -> None:
    sign_in(page, district)
    page.goto(f"/imports/{held.pk}/")
    runs.approve(district.ada, held.pk)
    worker()
    page.get_by_role("link", name="Limits").click()
    expect(page.locator("h1 + .state")).to_have_text("Applied")
    expect(page.get_by_text("not what it was when you opened its page")).to_be_visible()
    assert page.url.endswith("/limits/")
    expect(page.get_by_role("button", name="Run again")).to_have_count(0)


@pytest.mark.once
def test_everything_works_without_scripts(
    browser: Browser, live_server: Any, district: Grove, held: Run, worker: Callable[[], None]
) -> None:
    plain = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = plain.new_page()
    sign_in(page, district)
    page.goto(f"/imports/{held.pk}/")
    page.get_by_label("What changes").select_option("person")
    page.get_by_role("search", name="Changes").get_by_role("button", name="Show").click()
    expect(page.locator("table.changes tbody tr")).to_have_count(10)
    page.get_by_role("link", name="Reject").click()
    page.get_by_label("Why?").fill("half a file")
    page.get_by_role("button", name="Reject this import").click()
    expect(page.locator("h1 + .state")).to_have_text("Rejected")
    plain.close()


@pytest.mark.once
def test_the_keyboard_reaches_the_answers_in_a_sensible_order(page: Page, district: Grove, held: Run) -> None:
    sign_in(page, district)
    page.goto(f"/imports/{held.pk}/")
    order = []
    for _ in range(40):
        page.keyboard.press("Tab")
        order.append(page.evaluate("(document.activeElement.innerText || '').trim()"))
    rail = ["Skip to the page", "Rollbook", "Home", "Imports", "People", "Classes", "Settings", "Sign out"]
    wanted = [*rail, "Run again", "Approve", "Reject", "Changes"]
    places = [next(at for at, said in enumerate(order) if said.startswith(each)) for each in wanted]
    assert places == sorted(places), order


@pytest.mark.once
def test_the_keyboard_stays_where_it_was_after_a_filter_and_a_page(page: Page, district: Grove) -> None:
    run = district.applies(small(20))
    sign_in(page, district)
    page.goto(f"/imports/{run.pk}/changes/")
    for where in (page.get_by_role("button", name="Show"), page.locator("#pages-after")):
        before = page.locator(".pages .num").inner_text()
        where.focus()
        name = where.get_attribute("id")
        page.keyboard.press("Enter")
        if name == "pages-after":
            expect(page.locator(".pages .num")).not_to_have_text(before)
        expect(page.locator(".htmx-request, .htmx-added, .htmx-settling")).to_have_count(0)
        assert page.evaluate("document.activeElement.id") == name


@pytest.mark.once
def test_the_skip_link_leads_past_the_rail(page: Page, district: Grove, held: Run) -> None:
    sign_in(page, district)
    page.goto(f"/imports/{held.pk}/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


@pytest.mark.once
def test_the_first_load_is_light_and_asks_nobody_else(page: Page, district: Grove, held: Run) -> None:
    sign_in(page, district)
    sizes: dict[str, int] = {}
    page.on("response", lambda response: sizes.__setitem__(response.url, len(response.body())))
    page.goto(f"/imports/{held.pk}/", wait_until="networkidle")
    assert sum(sizes.values()) < 110_000, sizes
    assert {url.split("/")[2] for url in sizes} == {page.url.split("/")[2]}
