"""The fear that an import is told, held, answered or taken back otherwise in a browser than its tests say without one."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from rollbook.actions import limits, sources
from rollbook.actions.limits import Figures
from rollbook.domain.runs import Trigger
from rollbook.store.models import Run
from tests.browser.conftest import judged, sign_in
from tests.district import Clock, Files, Grove, edited, enrollment, minus, plus, small, user, write
from tests.postbox import Postbox, listening, smtp

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

STUDENTS = small(20)
HALF = minus(STUDENTS, *(f"p{number}" for number in range(11, 21)))

Press = Callable[[], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock(datetime(2026, 10, 14, 2, tzinfo=UTC))
    monkeypatch.setattr("rollbook.lib.clock.now", stopped)
    return stopped


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with listening(settings) as box:
        yield box


@pytest.fixture
def shown(district: Grove, page: Page, clock: Clock) -> Page:
    """A page of somebody who has signed in to a district with a first import."""
    sources.set_told(district.ada, district.source, [])
    district.applies(STUDENTS)
    sources.set_told(district.ada, district.source, [district.account.email])
    sign_in(page, district)
    return page


def state(page: Page) -> Any:
    return page.locator("h1 + .state")


def imports(page: Page, district: Grove, files: Files, worker: Press) -> Run:
    """Send other files, and press."""
    write(district.folder, files)
    page.goto(f"/manage/{district.source.pk}/import/")
    page.get_by_role("button", name="Run import now").click()
    page.wait_for_url("**/imports/*/")
    page.goto("about:blank")  # the page would load itself anew when the import ends, perhaps just while it is called again
    worker()
    run = Run.objects.latest("pk")
    page.goto(f"/imports/{run.pk}/")
    return run


# --- the summary, and the mails ---


def test_the_numbers_add_up_and_are_those_of_the_mail(shown: Page, district: Grove, worker: Press, postbox: Postbox) -> None:
    files = minus(STUDENTS, "p20")
    files = files | {"users": edited(files["users"], "p3", givenName="Maria")}
    imports(shown, district, plus(files, users=[user("p21"), *(user(f"x{n}", givenName="") for n in range(2))]), worker)
    shown.goto("/manage/")
    heads = [each.lower() for each in shown.locator("table.summary thead th").all_inner_texts()]
    seen = {}
    for row in shown.locator("table.summary tbody tr").all():
        cells = [" ".join(cell.split()) for cell in row.locator("td").all_inner_texts()]
        seen[row.locator("th").inner_text()] = dict(zip(heads[1:], cells, strict=True))
    shown.goto("about:blank")
    shown.set_content(postbox.letters[-1].get_body(("html",)).get_content())
    told = {row.locator("th").inner_text(): row.locator("td").inner_text() for row in shown.locator("tbody tr").all()}
    assert told.keys() == seen.keys()
    for title, cells in seen.items():
        number = {name: int(cell.partition(" ")[0].replace(",", "")) for name, cell in cells.items() if cell}
        assert number["read"] == sum(number[name] for name in ("added", "changed", "returned", "unchanged", "errors")), title
        said = re.findall(r"(\w+) ([\d,]*\d)(?: \(([^)]+)\))?", told[title])
        assert {name: f"{count} {share}".strip() for name, count, share in said} == {n: c for n, c in cells.items() if c}, title
    assert seen["Users – Students"] == {
        "read": "22", "share": "", "added": "1 5.0 % of 20", "changed": "1 5.0 % of 20", "removed": "1 5.0 % of 20",
        "returned": "0", "unchanged": "18", "errors": "2 9.1 % of 22",
    }  # fmt: skip


def test_a_mail_that_could_not_go_out_is_seen_and_goes_out_later(
    shown: Page, district: Grove, worker: Press, clock: Clock, settings: Any
) -> None:
    settings.MAILERS = smtp(1)  # nobody listens there
    run = imports(shown, district, minus(STUDENTS, "p20"), worker)
    expect(shown.get_by_text("Somebody has not been told by mail yet: the mail server does not answer.")).to_be_visible()
    assert not judged(shown)
    shown.goto("/")
    expect(shown.get_by_text("1 mail about an import has not gone out: the mail server does not answer.")).to_be_visible()
    shown.get_by_role("link", name="See which").click()
    expect(shown.get_by_text("Not sent yet")).to_be_visible()
    expect(shown.locator("#about")).to_contain_text(
        "tried 1 of 8 times: the mail server does not answer; next try 14 October, 2:01 am"
    )

    clock.at += timedelta(minutes=2)
    with listening(settings) as box:
        worker()
    assert [mail["subject"] for mail in box.letters] == ["Import Results: Maple Grove, lincoln, applied"]
    shown.goto(f"/imports/{run.pk}/history/")
    expect(shown.locator(".state.sent")).to_be_visible()
    expect(shown.get_by_text("Somebody has not been told")).to_have_count(0)


def test_where_nobody_is_told_the_screens_say_so(shown: Page, district: Grove, worker: Press) -> None:
    shown.goto(f"/manage/{district.source.pk}/settings/")
    shown.get_by_label("Who is told").fill("")
    shown.get_by_role("button", name="Save settings").click()
    expect(shown.get_by_text("Nobody is told about the result")).to_be_visible()
    imports(shown, district, HALF, worker)
    expect(shown.get_by_text("Nobody is on the list of people to tell.")).to_be_visible()


# --- limits ---


def test_a_share_just_below_its_limit_is_never_shown_as_the_limit(
    district: Grove, page: Page, clock: Clock, worker: Press, postbox: Postbox
) -> None:
    files = small(101)
    district.applies(files)
    sign_in(page, district)
    page.goto(f"/manage/{district.source.pk}/limits/")
    row = page.locator("[id='limit-person.vanish.student.org.share']")
    row.locator("input").first.fill("5")
    page.get_by_role("button", name="Save limits").last.click()
    expect(page.get_by_role("status")).to_have_text("The limit has been changed.")

    passes = minus(files, *(f"p{number}" for number in range(97, 102)))
    run = imports(page, district, passes, worker)
    expect(state(page)).to_have_text("Applied")
    page.goto(f"/imports/{run.pk}/limits/")
    measured = page.locator("#about tbody tr", has_text="5 of 101 students of School s1")
    expect(measured.locator("td").nth(2)).to_have_text("4.95 %")
    page.goto("/manage/")
    expect(page.get_by_role("row", name="Users – Students")).to_contain_text("4.95 % of 101")
    assert "removed 5 (4.95 % of 101)" in postbox.letters[-1].get_body(("plain",)).get_content()

    district.applies(minus(passes, "p96"))  # 95 are left
    holds = minus(passes, *(f"p{number}" for number in range(91, 97)))
    imports(page, district, plus(holds, users=[], enrollments=[]), worker)
    expect(page.locator("#says")).to_contain_text("5 of 95 students at School s1, 5.3 %. Your limit is 5 %.")


def test_each_named_kind_holds_alone_and_is_called_by_its_name(
    shown: Page, district: Grove, worker: Press, postbox: Postbox
) -> None:
    others = [each for each in STUDENTS["enrollments"] if (each["classSourcedId"], each["role"]) != ("k1", "teacher")]
    kinds = {
        "section.dates.all.district.share": (
            "classes would get other dates",
            {"academicSessions": edited(STUDENTS["academicSessions"], "t1", endDate="2027-01-22")},
        ),
        "enrollment.teachers.teacher.district.share": (
            "teachers' places in classes would come, go or change",
            {"enrollments": [*others, enrollment("k1", "t2", "teacher")]},
        ),
        "person.identity.all.district.share": (
            "people would get another username or email",
            {"users": edited(STUDENTS["users"], "p5", email="other@maple.example")},
        ),
    }
    limits.save(district.ada, district.source, {key: Figures(percent=4.0) for key in kinds})  # 1 of 23 people, 1 of 2 classes
    for key, (words, changed) in kinds.items():
        run = imports(shown, district, STUDENTS | changed, worker)
        assert district.closed(run) == [key]
        expect(state(shown)).to_contain_text("Held")
        expect(shown.locator("#says")).to_contain_text(words)
        checks = [mail for mail in postbox.letters if mail["subject"].startswith("Check Your Data")]
        assert words in checks[-1].get_body(("plain",)).get_content()


# --- holds ---


def test_a_hold_says_since_when_and_a_file_within_the_limits_closes_it(
    shown: Page, district: Grove, worker: Press, clock: Clock, postbox: Postbox, tmp_path: Path
) -> None:
    sources.set_schedule(district.ada, district.source, ["02:00"], [])
    first = imports(shown, district, HALF, worker)
    clock.at += timedelta(days=2)
    worker()
    sign_in(shown, district)
    second = Run.objects.latest("pk")
    assert (second.trigger, second.state, district.again(first).superseded_by) == (Trigger.SCHEDULED, "held", second)
    assert district.active("person") == 23, "what is on hold is not applied by the clock"
    shown.goto(f"/imports/{second.pk}/")
    expect(state(shown)).to_have_text("Held since 2:00 am")
    expect(shown.get_by_text("on hold since 14 October, 2:00 am; the newest one is shown")).to_be_visible()
    assert not judged(shown)

    within = write(tmp_path / "mended", minus(STUDENTS, "p20"))
    shown.goto(f"/manage/{district.source.pk}/setup/")
    shown.get_by_label("Files", exact=True).set_input_files(sorted(within.glob("*.csv")))
    shown.get_by_role("button", name="Upload and use these files").click()
    shown.goto(f"/imports/{second.pk}/")
    shown.get_by_role("button", name="Run again").click()
    shown.wait_for_url(f"**/imports/{second.pk + 1}/")
    worker()
    expect(state(shown)).to_have_text("Applied")
    expect(shown.get_by_text("which was on hold. With it the hold is closed.")).to_be_visible()
    assert f"Import {second.pk}, which was on hold, is closed with it" in postbox.letters[-1].get_body(("plain",)).get_content()
    shown.goto("/audit/")
    for act in ("Import held", "Files uploaded", "Import replaced", "Import applied"):
        expect(shown.locator("tbody tr", has_text=act).first).to_be_visible()
    expect(shown.locator("tbody")).not_to_contain_text("settings: none")


def test_two_windows_answer_at_once_and_one_is_told_who_was_faster(
    shown: Page, district: Grove, worker: Press, browser: Browser, live_server: Any
) -> None:
    sources.set_schedule(district.ada, district.source, ["02:00"], [])
    run = imports(shown, district, HALF, worker)
    slow = browser.new_context(base_url=live_server.url, storage_state=shown.context.storage_state()).new_page()
    slow.goto(f"/imports/{run.pk}/")
    slow.get_by_role("link", name="Approve").click()

    shown.get_by_role("link", name="Reject").click()
    assert not judged(shown)
    shown.get_by_label("Why?").fill("half of Lincoln is missing")
    expect(shown.get_by_text("Now they are 2:00 am.")).to_be_visible()
    shown.get_by_label("Import nothing by the clock from now on").check()
    shown.get_by_role("button", name="Reject this import").click()
    expect(state(shown)).to_have_text("Rejected")
    expect(shown.locator("#says")).to_contain_text("“half of Lincoln is missing” Nothing has been changed.")
    shown.goto(f"/manage/{district.source.pk}/import/")
    expect(shown.get_by_text("Nothing is imported by itself.")).to_be_visible()

    slow.get_by_role("button", name="Approve").click()
    expect(slow.get_by_role("alert")).to_contain_text(f"{district.account.email} has rejected import {run.pk} already.")
    assert district.active("person") == 23
    slow.context.close()


def test_what_was_looked_at_before_the_roster_moved_is_asked_again(shown: Page, district: Grove, worker: Press) -> None:
    earlier = district.applies(minus(STUDENTS, "p20"))
    held = imports(shown, district, HALF, worker)
    shown.get_by_role("link", name="Approve").click()
    district.undoes(earlier)  # in another window
    shown.get_by_role("button", name="Approve").click()
    expect(shown.locator(".message.warning")).to_contain_text(f"The roster has moved since import {held.pk} was made")
    worker()
    expect(state(shown)).to_contain_text("Held")
    expect(shown.locator("#says")).to_contain_text("10 of 20 students")
    assert district.active("person") == 23
    shown.get_by_role("link", name="Approve").click()
    shown.get_by_role("button", name="Approve and deactivate 10 people").click()
    worker()
    expect(state(shown)).to_have_text("Applied")
    shown.get_by_role("link", name="History").click()
    written = shown.locator("#about tbody tr", has_text="Applied: the changes were written")
    expect(written).to_contain_text(district.account.email)


def test_who_was_approved_by_is_named_though_the_clock_asked(shown: Page, district: Grove, worker: Press, clock: Clock) -> None:
    sources.set_schedule(district.ada, district.source, ["02:00"], [])
    write(district.folder, HALF)
    clock.at += timedelta(days=1)
    worker()
    sign_in(shown, district)
    run = Run.objects.latest("pk")
    shown.goto(f"/imports/{run.pk}/approve/")
    shown.get_by_role("button", name="Approve").click()
    worker()
    expect(state(shown)).to_have_text("Applied")
    shown.goto(f"/imports/{run.pk}/history/")
    expect(shown.locator("#about tbody tr", has_text="Applied: the changes")).to_contain_text(district.account.email)


# --- the end of a source ---


def test_an_archive_is_a_persons_wish_and_says_so(shown: Page, district: Grove, worker: Press, postbox: Postbox) -> None:
    shown.goto(f"/manage/{district.source.pk}/disable/")
    shown.get_by_label("Also archive its people and classes").check()
    shown.get_by_role("button", name="Disable integration").click()
    expect(shown.get_by_text("This archive waits to start.")).to_be_visible()  # nobody waits for a page
    worker()
    expect(state(shown)).to_contain_text("Held")
    expect(shown.locator("#says")).to_have_text(
        f"{district.account.email} asked to archive “lincoln”: 23 people and 2 classes would leave the roster. "
        "Nothing has been changed."
    )
    expect(shown.get_by_text("more reason")).to_have_count(0)
    assert not judged(shown)
    assert [mail["subject"] for mail in postbox.letters] == ["Archive: Maple Grove, lincoln, waits for approval"]
    assert "sent no" not in postbox.letters[0].as_string()
    assert (district.source.enabled, district.active("person")) == (False, 23)

    shown.get_by_role("link", name="Approve").click()
    shown.get_by_role("button", name="Approve and deactivate 23 people").click()
    worker()
    expect(shown.locator("#says")).to_contain_text("23 people and 2 classes have left the roster: “lincoln” was archived")
    assert district.active("person") == 0
    assert postbox.letters[-1]["subject"] == "Archive: Maple Grove, lincoln, done"
    shown.get_by_role("link", name="Undo").click()
    shown.get_by_role("button", name="Undo").click()
    worker()
    expect(state(shown)).to_have_text("Applied")
    assert district.active("person") == 23
    shown.goto("/audit/")
    for act in ("Source stopped", "Archive asked for", "Import approved", "Undo asked for"):
        expect(shown.locator("tbody tr", has_text=act).first).to_be_visible()
