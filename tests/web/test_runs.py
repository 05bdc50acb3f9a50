"""The fear that the page of an import says something else than what would be written, or lets it be written unseen."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from rollbook.actions import review, runs, sources, work
from rollbook.connectors.protocol import Arriving
from rollbook.domain.runs import RunState, Trigger
from rollbook.store import reads
from rollbook.store.models import Notice, Run
from rollbook.store.runs import beat, begin
from rollbook.store.snapshots import files_of
from tests.district import Clock, Files, Grove, as_1_2, edited, enrollment, minus, small, write


def text_of(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def rows_of(client: Client, address: str) -> list[dict[str, str]]:
    response = client.get(address)
    assert response.streaming
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def page_of(run: Run, tab: str = "") -> str:
    return f"/imports/{run.pk}/" + (f"{tab}/" if tab else "")


def test_a_held_import_says_how_many_of_how_many_and_that_nothing_has_changed(held: Run, ada: Client) -> None:
    page = text_of(ada, page_of(held))
    measure = held.measures.get(reason=held.reasons[0])
    assert f"{measure.count} of {measure.of} students" in page
    assert "Nothing has been changed." in page
    assert "Held since" in page
    assert "Likely cause." in page
    assert f'Approve<span class="more"> and deactivate {review.counts(held)["person"]["vanish"]} people' in page


@pytest.mark.once
def test_the_words_of_the_code_are_not_on_the_page(held: Run, ada: Client) -> None:
    for tab in ("", "changes", "findings", "limits", "result", "history"):
        page = text_of(ada, page_of(held, tab)).casefold()
        for word in ("changeset", "entity", "vanish</", ">org<", "superseded", " org ", "snapshot", "measure</"):
            assert word not in page, (tab, word)


@pytest.mark.once
def test_every_change_can_be_found_and_paged_through(district: Grove, ada: Client) -> None:
    run = district.applies(small(30))
    total = review.changes(run).total
    assert total == sum(sum(kinds.values()) for kinds in review.counts(run).values())
    seen = {(row["entity"], row["sourced_id"]) for at in range(0, total, 50) for row in review.changes(run, offset=at).rows}
    assert len(seen) == total
    assert f"51 to 100 of {total:,}" in text_of(ada, page_of(run, "changes") + "?page=2")


@pytest.mark.once
def test_changes_are_filtered_by_kind_school_and_words(district: Grove, ada: Client) -> None:
    files = small()
    district.applies(files)
    run = district.applies(files | {"users": edited(files["users"], "p2", familyName="Núñez", email="new@maple.example")})

    assert [row["label"] for row in review.changes(run, search="nunez").rows] == ["Gp2 Núñez"]
    assert review.changes(run, kind="vanish").total == 0
    assert review.changes(run, school="s1").total == 1
    assert review.changes(run, school="s2").total == 0
    page = text_of(ada, page_of(run, "changes") + "?kind=alter&q=NUNEZ")
    assert "<del>" in page
    assert "p2<wbr>@maple.example" in page
    assert "new<wbr>@maple.example" in page
    assert "No change is like that" in text_of(ada, page_of(run, "changes") + "?q=nobody")


@pytest.mark.once
def test_a_class_is_found_by_its_name_as_a_reason_writes_it(district: Grove) -> None:
    files = small(20)
    classes = edited(files["classes"], "k1", title="Homeroom 4", classCode="02")
    classes = edited(classes, "k2", title="Homeroom 5", classCode="02")
    beside = [enrollment("k2", "p4", school="s2"), enrollment("k2", "p14", school="s2")]
    run = district.applies(files | {"classes": classes, "enrollments": [*files["enrollments"], *beside]})
    found = review.changes(run, search="Homeroom 4 (02)", limit=100).rows
    assert len(found) == 22
    assert not [row["label"] for row in found if "Homeroom 5" in row["label"]]
    assert review.changes(run, search="Fp3, Gp3", entity="person").total == 1, "in whatever order"


@pytest.mark.once
def test_a_filter_that_makes_no_sense_is_no_error(held: Run, ada: Client) -> None:
    for query in ("page=0", "page=-1", "page=999999999999", "page=x", "kind=' OR 1", "of=nothing", "school=%00x", "q=%5B("):
        assert ada.get(page_of(held, "changes") + "?" + query).status_code == 200


@pytest.mark.once
def test_links_between_people_and_classes_carry_their_names(imported: Grove) -> None:
    run = imported.sends(minus(small(), "p4"))
    labels = {row["label"] for row in review.changes(run, entity="enrollment").rows}
    assert labels == {"Gp4 Fp4 in Class k1"}
    assert review.changes(run, entity="enrollment", search="fp4 class").total == 1


def test_the_students_of_a_school_add_up(held: Run, district: Grove) -> None:
    assert [(school.name, school.now, school.leave, school.after) for school in review.schools(held)] == [
        ("School s1", 20, 10, 10)
    ]


def test_old_pages_show_what_was_then(held: Run, district: Grove) -> None:
    before = review.schools(held)
    district.approves(held)
    assert review.schools(district.again(held)) == before


@pytest.mark.once
def test_the_download_has_every_change_and_no_formula(district: Grove, ada: Client) -> None:
    files = small()
    district.applies(files)
    evil = {"familyName": "=cmd()", "givenName": "+1", "identifier": "@x", "email": "-a@maple.example"}
    run = district.applies(files | {"users": edited(files["users"], "p1", **evil)})
    rows = rows_of(ada, f"/imports/{run.pk}/changes.csv")
    after = {row["field"]: row["after"] for row in rows if row["id"] == "p1"}
    assert after["family_name"] == "'=cmd()"
    assert after["given_name"] == "'+1"
    assert after["identifier"] == "'@x"
    assert after["email"] == "'-a@maple.example"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]


def test_the_download_of_filtered_changes_has_those(held: Run, ada: Client) -> None:
    rows = rows_of(ada, f"/imports/{held.pk}/changes.csv?of=person")
    assert {row["what"] for row in rows} == {"person"}
    assert len(rows) == review.changes(held, entity="person").total


@pytest.mark.once
def test_findings_stand_with_file_line_and_remedy(district: Grove, ada: Client) -> None:
    files = small()
    run = district.sends(files | {"users": edited(files["users"], "p3", givenName="")})
    errors = [each for each in review.findings(run, level="error").rows if each["sourced_id"] == "p3"]
    assert errors
    page = text_of(ada, page_of(run, "findings"))
    assert f"{errors[0]['file']}, line {errors[0]['line']}" in page
    assert all(group.text and group.count for group in review.finding_groups(run))
    rows = rows_of(ada, f"/imports/{run.pk}/findings.csv?level=error")
    assert len(rows) == review.findings(run, level="error").total


def test_all_limits_are_shown_those_that_were_reached_first(held: Run, ada: Client) -> None:
    page = text_of(ada, page_of(held, "limits"))
    assert page.index(">reached<") < page.index(">within<")
    assert f"{held.measures.filter(closed=True).count()} of {held.measures.count()}" in page


def test_rows_stand_as_they_were_sent(held: Run, ada: Client) -> None:
    page = text_of(ada, page_of(held, "rows") + "?of=section")
    assert "classes.csv" in page
    assert "Class code" in page


def test_the_summary_names_what_its_shares_are_of(held: Run, ada: Client) -> None:
    line = next(line for line in held.summary if line["title"] == "Users – Students")
    page = text_of(ada, page_of(held, "result"))
    assert f"of {line['active']:,}" in page
    assert "Nothing. The roster is as it was before this import." in page


def test_an_approval_is_asked_once_more_and_then_left_to_the_worker(held: Run, ada: Client, district: Grove) -> None:
    before = district.active("person")
    page = text_of(ada, f"/imports/{held.pk}/approve/?seen={held.digest}")
    assert f'name="seen" value="{held.digest}"' in page
    assert district.again(held).state == RunState.HELD

    ada.post(f"/imports/{held.pk}/approve/", {"seen": held.digest})
    assert district.again(held).state == RunState.WORKING
    assert "about to be written" in text_of(ada, page_of(held))
    assert district.active("person") == before

    assert work.once()
    assert district.again(held).state == RunState.APPLIED
    assert district.active("person") < before
    assert district.again(held).answered_by == district.account.email


def test_what_was_not_looked_at_is_not_approved(held: Run, ada: Client, district: Grove) -> None:
    for seen in ("", "another"):
        page = ada.post(f"/imports/{held.pk}/approve/", {"seen": seen}, follow=True).content.decode()
        assert "is not what it was when you looked at it" in page
    assert district.again(held).state == RunState.HELD


def test_the_second_of_two_answers_is_told_in_words(held: Run, ada: Client, district: Grove) -> None:
    runs.reject(replace(district.ada, name="ben@maple.example"), held.pk, "half a file")
    page = ada.post(f"/imports/{held.pk}/approve/", {"seen": held.digest}, follow=True).content.decode()
    assert f"ben@maple.example has rejected import {held.pk} already" in page
    assert "ben@maple.example rejected this import" in page
    assert "half a file" in page
    assert district.again(held).state == RunState.REJECTED


def test_a_roster_that_has_moved_makes_a_new_import_and_says_so(held: Run, ada: Client, district: Grove) -> None:
    source = district.source
    source.accepted_run = (source.accepted_run or 0) + 1000
    source.save()
    assert "The roster has moved since" in text_of(ada, page_of(held))
    page = ada.post(f"/imports/{held.pk}/approve/", {"seen": held.digest}, follow=True).content.decode()
    assert "The roster has moved since" in page
    fresh = district.again(held).superseded_by
    assert fresh is not None
    assert f"/imports/{fresh.pk}/" in page


def test_a_rejection_takes_a_reason(held: Run, ada: Client, district: Grove) -> None:
    assert ada.post(f"/imports/{held.pk}/reject/", {"because": "  "}).status_code == 400
    assert district.again(held).state == RunState.HELD
    ada.post(f"/imports/{held.pk}/reject/", {"because": "half a file"})
    assert district.again(held).because == "half a file"


def test_nothing_is_answered_by_looking(held: Run, ada: Client, district: Grove) -> None:
    for act in ("approve", "reject", "again", "undo"):
        ada.get(f"/imports/{held.pk}/{act}/")
    assert district.again(held).state == RunState.HELD
    assert Run.objects.order_by("-pk").first() == held


def test_running_again_replaces_a_held_import_and_both_pages_say_so(held: Run, ada: Client, district: Grove) -> None:
    write(district.folder, small(20))
    ada.post(f"/imports/{held.pk}/again/")
    assert work.once()
    fresh = Run.objects.order_by("-pk").first()
    assert fresh is not None
    assert fresh.state == RunState.APPLIED
    page = text_of(ada, page_of(held))
    assert "took the place of this one" in page
    assert f"/imports/{fresh.pk}/" in page


def test_a_page_that_was_opened_before_an_answer_does_not_run_the_import_again(held: Run, ada: Client, district: Grove) -> None:
    assert '<input type="hidden" name="seen" value="held">' in text_of(ada, page_of(held))
    runs.approve(replace(district.ada, name="ben@maple.example"), held.pk)
    assert work.once()
    page = ada.post(f"/imports/{held.pk}/again/", {"seen": "held"}, follow=True).content.decode()
    assert "was not run again. ben@maple.example has approved it meanwhile" in page
    assert Run.objects.latest("pk") == held


def test_a_tab_of_an_old_page_brings_the_whole_page_anew(held: Run, ada: Client, district: Grove) -> None:
    tab = page_of(held, "limits") + "?page=1"
    asked = {"HX-Request": "true", "HX-Target": "about", "Seen-State": "held"}
    assert "HX-Redirect" not in ada.get(tab, headers=asked).headers
    runs.approve(district.ada, held.pk)
    assert ada.get(tab, headers=asked).headers["HX-Redirect"] == tab
    assert "not what it was when you opened its page" in text_of(ada, tab)


def test_an_undo_is_an_import_of_its_own(district: Grove, ada: Client) -> None:
    files: Files = small()
    first = district.applies(files)
    run = district.applies(files | {"users": edited(files["users"], "p2", familyName="Other")})
    assert "Take it back as well" in text_of(ada, f"/imports/{run.pk}/undo/")
    ada.post(f"/imports/{run.pk}/undo/", {"also_changed": "no"})
    work.once()
    undone = Run.objects.get(undo_of=run)
    assert undone.state == RunState.APPLIED
    assert district.one("person", "p2").family_name == "Fp2"
    assert "was undone by" in text_of(ada, page_of(run))
    page = text_of(ada, page_of(undone))
    assert "Afterwards imports by the clock wait" in text_of(ada, f"/imports/{run.pk}/undo/")
    assert "Afterwards" not in text_of(ada, f"/imports/{undone.pk}/undo/"), "it brings the import back, so nothing waits"
    assert "It takes back" in page and ">Back</th>" in page and "Students" in page
    assert "not wait for that answer" in ada.get(f"/imports/{undone.pk}/approve/", follow=True).content.decode()
    assert text_of(ada, page_of(first))


def test_after_an_undo_the_pages_say_that_the_clock_waits(imported: Grove, ada: Client) -> None:
    sources.set_schedule(imported.ada, imported.source, ["02:00"], [])
    pages = ("/", f"/manage/{imported.source.pk}/import/")
    held = "held while the source still sends what was undone"
    assert not any(held in text_of(ada, page) for page in pages)

    undone = imported.undoes(imported.sends(small(5)))

    for page in pages:
        assert held in text_of(ada, page)
    assert "Imports by the clock are held until the source sends other data" in text_of(ada, page_of(undone))
    large = imported.undoes(Run.objects.earliest("pk"))
    assert large.state == RunState.HELD
    for page in pages:
        assert "passed over while an undo waits for an answer" in text_of(ada, page)


@pytest.mark.once
def test_a_preview_says_that_it_is_one(district: Grove, ada: Client) -> None:
    write(district.folder, small())
    run = district.runs(Trigger.PREVIEW)
    page = text_of(ada, page_of(run))
    assert "This is a preview." in page
    assert "Held since" not in page


@pytest.mark.once
def test_a_preview_without_changes_offers_no_approval(district: Grove, ada: Client) -> None:
    district.applies(small())
    run = district.runs(Trigger.PREVIEW)
    page = text_of(ada, page_of(run))
    assert "Nothing would change" in page
    assert "Preview again" in page
    assert "Approve" not in page


def test_an_approval_says_for_how_long_it_can_be_undone(held: Run, ada: Client) -> None:
    assert f"It can be undone for {held.source.undo_days} days." in text_of(ada, f"/imports/{held.pk}/approve/")


def test_a_failed_import_says_four_things(district: Grove, ada: Client) -> None:
    run = district.runs()
    assert run.state == RunState.FAILED
    page = text_of(ada, page_of(run))
    for part in ("What happened", "Where", "What was left untouched", "What to do next"):
        assert part in page
    assert "Nothing has been changed." in page


def test_progress_can_be_watched_and_ends_by_loading_the_page(district: Grove, ada: Client) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    assert "waits to start" in text_of(ada, page_of(run))
    assert 'hx-trigger="every 1s"' in text_of(ada, page_of(run))
    Run.objects.filter(pk=run.pk).update(
        state=RunState.WORKING, stage="check", progress={"stage": "check", "done": 3, "of": 16, "what": "section"}
    )
    fragment = text_of(ada, f"/imports/{run.pk}/progress/")
    polled = ada.get(f"/imports/{run.pk}/progress/", headers={"HX-Request": "true"}).content.decode()
    assert 'id="state" hx-swap-oob="true"' in polled
    assert "At work" in polled
    assert "Checking the rows: classes." in fragment
    assert "3 of 16" in fragment
    assert "<html" not in fragment
    Run.objects.filter(pk=run.pk).update(state=RunState.FAILED)
    assert ada.get(f"/imports/{run.pk}/progress/").headers["HX-Refresh"] == "true"


def test_a_long_pull_says_how_many_rows_of_how_many_on_both_pages(district: Grove, ada: Client) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    at = {"stage": "extract", "progress": {"stage": "extract", "done": 6, "of": 8, "what": "enrollment"}}
    assert begin(run.pk, by="worker")
    Run.objects.filter(pk=run.pk).update(**at)
    beat(run.pk, [Arriving("Students", 20_000, 20_000), Arriving("Places in classes", 120_000, 410_000)])
    for page in (page_of(run), f"/imports/{run.pk}/progress/", f"/manage/{district.source.pk}/import/"):
        said = text_of(ada, page)
        assert "Places in classes: 120,000 of 410,000" in said, page
        assert '<progress max="410000" value="120000"' in said, page
        assert "Students: " not in said, "what is here needs no bar"
        polls = f'hx-get="/imports/{run.pk}/progress/"' in said
        assert polls != page.endswith("progress/"), "the fragment goes into what asks for it"
    Run.objects.filter(pk=run.pk).update(stage="check")
    assert "Places in classes" not in text_of(ada, page_of(run)), "it has all come"


def test_an_import_that_was_put_back_does_not_say_that_it_reads(district: Grove, ada: Client) -> None:
    write(district.folder, small())
    run = runs.start(district.ada, district.source)
    assert begin(run.pk, by="worker")
    at = {"stage": "extract", "progress": {"stage": "extract", "done": 2, "of": 7, "what": "course"}}
    Run.objects.filter(pk=run.pk).update(worker="another-machine:1", heartbeat_at=None, **at)
    beat(run.pk, [Arriving("Courses", 10, 20)])

    runs.sweep()

    page = text_of(ada, f"/imports/{run.pk}/progress/")
    assert "waits to start" in page
    for said in ("Reading", "2 of 7", "<progress", "Courses", "Step"):
        assert said not in page


def test_an_approved_import_shows_no_bar_of_the_work_before(held: Run, ada: Client, district: Grove) -> None:
    assert held.progress
    runs.approve(district.ada, held.pk)
    page = text_of(ada, f"/imports/{held.pk}/progress/")
    assert "about to be written" in page
    assert "<progress" not in page


def test_the_time_on_hold_is_no_time_of_work(held: Run, ada: Client, district: Grove, time: Clock) -> None:
    manager = f"/manage/{held.source_id}/import/"
    time.at += timedelta(minutes=15)
    runs.approve(district.ada, held.pk)
    time.at += timedelta(seconds=4)
    for page in (f"/imports/{held.pk}/progress/", manager):
        assert "4 seconds so far" in text_of(ada, page)
    assert work.once()
    for page in (page_of(held, "result"), manager):
        assert "15 min" not in text_of(ada, page), page


def test_an_import_whose_place_was_taken_does_not_count_the_time_that_it_waited(held: Run, ada: Client, time: Clock) -> None:
    time.at += timedelta(minutes=15)
    ada.post(f"/imports/{held.pk}/again/")
    assert work.once()
    for page in (page_of(held, "result"), f"/manage/{held.source_id}/import/"):
        assert "15 min" not in text_of(ada, page), page


def test_a_mail_that_could_not_be_sent_is_seen(held: Run, ada: Client) -> None:
    Notice.objects.filter(run=held).update(attempts=2, error="ConnectionRefusedError", next_at=held.ended_at)
    page = text_of(ada, page_of(held, "history"))
    assert "Not sent yet" in page
    assert "tried 2 of 8 times: the mail server does not answer" in page
    assert "Somebody has not been told by mail yet" in page
    assert "1 mail is waiting to be sent." in page
    assert "2 mails about imports have not gone out" in text_of(ada, "/")
    Notice.objects.filter(run=held).update(state="failed")
    page = text_of(ada, page_of(held, "history"))
    assert "Given up" in page
    assert "Nobody could be told: 1 mail was given up." in page and "waiting to be sent" not in page


def test_home_counts_nobody_twice_who_has_two_roles_of_one_kind(district: Grove, ada: Client) -> None:
    files = as_1_2(small())
    more = [each | {"sourcedId": f"again-{each['sourcedId']}", "role": "guardian", "roleType": "secondary"}
            for each in files["roles"] if each["role"] == "parent"]  # fmt: skip
    assert more
    district.applies(files | {"roles": [*files["roles"], *more]})
    assert sorted(str(each["role"]) for each in district.rows("role").values() if each["person"] == "g1") == [
        "guardian",
        "parent",
    ]
    assert reads.people_by_kind(district.row.pk) == {"student": 4, "teacher": 2, "guardian": 1, "staff": 0}
    assert re.search(r"Parents and guardians</dt><dd[^>]*>1<", text_of(ada, "/"))


def test_the_summary_says_what_its_lines_are_called_elsewhere_on_the_page(held: Run, ada: Client) -> None:
    page = text_of(ada, page_of(held, "result"))
    assert 'Enrollments – Students<br><span class="faint small">Students’ places in classes</span>' in page


def test_home_shows_what_waits_and_the_rail_counts_it(held: Run, ada: Client) -> None:
    page = text_of(ada, "/")
    assert "Waiting for your answer" in page
    assert '<span class="count">1' in page
    assert f'href="/imports/{held.pk}/"' in page


def test_files_that_are_gone_leave_a_page_that_says_so(held: Run, ada: Client, district: Grove) -> None:
    runs.reject(district.ada, held.pk, "no")
    files_of(held.source_id, held.pk).drop()
    Run.objects.filter(pk=held.pk).update(files_kept=False)
    assert "not kept any more" in text_of(ada, page_of(held, "changes"))
    assert "not kept any more" in text_of(ada, page_of(held, "findings"))
    assert "not kept any more" in text_of(ada, page_of(held, "rows"))
    assert text_of(ada, page_of(held, "result"))


def test_times_are_those_of_the_district(held: Run, ada: Client, district: Grove) -> None:
    district.row.time_zone = "Pacific/Honolulu"
    district.row.save()
    assert held.ended_at is not None
    local = held.ended_at.astimezone(ZoneInfo("Pacific/Honolulu"))
    assert f"Held since {local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}" in text_of(ada, page_of(held))


def test_a_page_costs_the_same_however_many_imports_there_were(
    held: Run, ada: Client, django_assert_max_num_queries: object
) -> None:
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        ada.get(page_of(held))


def test_nobody_is_said_to_be_deactivated_who_only_moves(district: Grove, ada: Client) -> None:
    files = small(9)
    district.applies(files)
    moved = [each | ({"classSourcedId": "k2"} if each["role"] == "student" else {}) for each in files["enrollments"]]
    run = district.sends(files | {"enrollments": moved})
    assert run.state == "held"
    page = ada.get(f"/imports/{run.pk}/").content.decode().replace("\u00a0", " ")
    assert "9 of 10 places in Class k1 would move elsewhere (90.0 %, limit 50 %). <strong>Nothing has been changed." in page
    assert "would deactivate" not in page
