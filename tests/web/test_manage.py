"""The fear that a setting is lost, half saved or wrongly understood, and that nobody notices until the next morning."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import limits as judging
from rollbook.actions import preferences, runs, sources
from rollbook.domain.errors import ConfigError
from rollbook.domain.gate import DEFAULTS
from rollbook.store.models import AuditEntry, Limit, Run, Source, Told
from rollbook.web.manage.forms import read_time, spoken
from tests.district import Grove, small, write

SETTINGS = {
    "name": "Lincoln files",
    "kind": "oneroster-csv",
    "times": "2:00 am, 1:30pm",
    "weekdays": ["0", "4"],
    "time_zone": "America/Chicago",
    "rollover": "2027-07-01",
    "told": "Dana@maple.example\nlee@maple.example",
    "releases": "on",
    "keep_days": "30",
    "undo_days": "200",
}
LEAVERS = "person.vanish.student.org.share"


def at(district: Grove, page: str) -> str:
    return f"/manage/{district.source.pk}/{page}/"


def acts(district: Grove) -> list[str]:
    return list(AuditEntry.objects.filter(district=district.row).order_by("pk").values_list("act", flat=True))


def zipped(folder: Path) -> io.BytesIO:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for path in folder.glob("*.csv"):
            archive.write(path, path.name)
    whole.seek(0)
    whole.name = "export.zip"
    return whole


# --- where one lands ---


def test_with_nothing_configured_one_lands_on_settings(district: Grove, ada: Client) -> None:
    Told.objects.all().delete()
    Source.objects.all().delete()
    page = ada.get("/manage/", follow=True)
    assert page.redirect_chain[-1][0] == "/manage/new/"
    assert "Where does your roster come from?" in page.content.decode()


def test_with_a_source_one_lands_on_import(district: Grove, ada: Client) -> None:
    page = ada.get("/manage/", follow=True)
    assert page.redirect_chain[-1][0] == at(district, "import")
    tabs = re.findall(r">(Settings|Setup|Import)</a>", page.content.decode().split('aria-label="Import Manager"')[1])
    assert tabs == ["Settings", "Setup", "Import"]


def test_a_new_source_goes_from_settings_to_setup_to_import(district: Grove, ada: Client) -> None:
    page = ada.post("/manage/new/", SETTINGS | {"name": "Roosevelt"})
    source = Source.objects.get(name="Roosevelt")
    assert page.headers["Location"] == f"/manage/{source.pk}/setup/"
    refused = ada.post(f"/manage/{source.pk}/start/", follow=True).content.decode()
    assert "Nothing was started" in refused
    assert not Run.objects.filter(source=source).exists()
    write(district.folder, small())
    page = ada.post(f"/manage/{source.pk}/setup/", {"path": str(district.folder), "do": "save"})
    assert page.headers["Location"] == f"/manage/{source.pk}/import/"


def test_each_of_several_sources_can_be_chosen(district: Grove, ada: Client) -> None:
    ada.post("/manage/new/", SETTINGS | {"name": "Roosevelt"})
    page = ada.get(at(district, "import")).content.decode()
    assert f'href="/manage/{Source.objects.get(name="Roosevelt").pk}/import/"' in page


# --- settings ---


def test_what_was_saved_is_shown_again(district: Grove, ada: Client) -> None:
    page = ada.post(at(district, "settings"), SETTINGS)
    assert page.headers["Location"] == at(district, "import")
    source = district.source
    assert (source.name, source.times, source.weekdays) == ("Lincoln files", ["02:00", "13:30"], [0, 4])
    assert (source.keep_days, source.undo_days, source.releases, str(source.rollover)) == (30, 200, True, "2027-07-01")
    assert source.district.time_zone == "America/Chicago"
    shown = ada.get(at(district, "settings")).content.decode()
    for text in ("Lincoln files", "2:00 am, 1:30 pm", "2027-07-01", "dana@maple.example\nlee@maple.example", 'value="30"'):
        assert text in shown


def test_saving_the_same_again_changes_nothing_and_writes_nothing_down(district: Grove, ada: Client) -> None:
    ada.post(at(district, "settings"), SETTINGS)
    before = acts(district)
    ada.post(at(district, "settings"), SETTINGS)
    assert acts(district) == before


def test_all_complaints_come_at_once_and_nothing_is_half_saved(district: Grove, ada: Client) -> None:
    wrong = SETTINGS | {"name": " ", "times": "25:00", "told": "nobody", "keep_days": "-3", "undo_days": "many"}
    page = ada.post(at(district, "settings"), wrong).content.decode()
    assert "Nothing was saved." in page
    assert "“25:00” is not a time of day" in page
    assert "Name is needed." in page
    assert '<a href="#id_keep_days">Days that copies of the files are kept: 1 or more.</a>' in page
    assert "Days that imports can be undone: a whole number, such as 30." in page
    assert district.source.name == "lincoln"
    assert district.source.district.time_zone == "UTC"
    later = ada.post(at(district, "settings"), SETTINGS | {"told": "nobody", "name": "Other"}).content.decode()
    assert "&#x27;nobody&#x27; is not an email address" in later
    assert district.source.name == "lincoln", "the name was not changed while the addresses were wrong"


def test_two_sources_cannot_have_one_name(district: Grove, ada: Client) -> None:
    page = ada.post("/manage/new/", SETTINGS | {"name": "LINCOLN"}).content.decode()
    assert "there is a source called &#x27;LINCOLN&#x27; already" in page
    assert Source.objects.count() == 1


def test_of_two_who_take_one_name_at_the_same_moment_the_second_is_told(
    district: Grove, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preferences, "_name_is_wrong", lambda *_: {})  # both have looked before either writes
    page = ada.post("/manage/new/", SETTINGS | {"name": "LINCOLN"}).content.decode()
    assert "there is a source called &#x27;LINCOLN&#x27; already" in page
    Source.objects.create(district=district.row, name="Roosevelt", kind="oneroster-csv")
    page = ada.post(at(district, "settings"), SETTINGS | {"name": "roosevelt"}).content.decode()
    assert "there is a source called &#x27;roosevelt&#x27; already" in page
    assert (Source.objects.count(), district.source.name, district.source.keep_days) == (2, "lincoln", 60)


def test_an_empty_list_says_that_nobody_is_told(district: Grove, ada: Client) -> None:
    ada.post(at(district, "settings"), SETTINGS | {"told": ""})
    assert "Nobody is told" in ada.get(at(district, "settings")).content.decode()
    assert "<strong>Nobody is told</strong>" in ada.get(at(district, "import")).content.decode()


@pytest.mark.parametrize(("typed", "time"), [("2 am", "02:00"), ("12:15 am", "00:15"), ("12 pm", "12:00"), ("14:05", "14:05")])
def test_times_are_read_as_people_write_them(typed: str, time: str) -> None:
    assert read_time(typed) == time
    assert read_time(spoken(time)) == time


def test_another_method_is_asked_about_first(district: Grove, ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from rollbook.connectors import registry

    monkeypatch.setitem(registry.BUILT_IN, "other-csv", registry.BUILT_IN["oneroster-csv"])
    page = ada.post(at(district, "settings"), SETTINGS | {"kind": "other-csv"})
    assert page.headers["Location"] == f"/manage/{district.source.pk}/method/other-csv/"
    assert "Change the method?" in ada.get(page.headers["Location"]).content.decode()
    assert district.source.kind == "oneroster-csv"
    ada.post(page.headers["Location"])
    assert (district.source.kind, district.source.settings) == ("other-csv", {})


def test_a_stopped_source_is_said_to_be_stopped_and_starts_again(district: Grove, ada: Client) -> None:
    assert "Disable this integration?" in ada.get(at(district, "disable")).content.decode()
    assert district.source.enabled, "a question is no answer"
    ada.post(at(district, "disable"))
    assert "Stopped" in ada.get(at(district, "import")).content.decode()
    assert "Nothing was started" in ada.post(at(district, "start"), follow=True).content.decode()
    ada.post(at(district, "enable"), {"enabled": "yes"})
    assert district.source.enabled


# --- setup ---


def test_testing_the_connection_says_what_is_there_and_saves_nothing(district: Grove, ada: Client, tmp_path: Path) -> None:
    other = write(tmp_path / "other", small())
    page = ada.post(at(district, "setup"), {"path": str(other), "do": "test"}).content.decode()
    assert "It can be read." in page
    assert "OneRoster 1.1" in page
    assert district.source.settings["path"] == str(district.folder)
    page = ada.post(at(district, "setup"), {"path": "/nowhere", "do": "test"}).content.decode()
    assert "It cannot be read." in page
    assert "/nowhere" in page


def test_choices_are_offered_in_words(district: Grove, ada: Client) -> None:
    page = ada.get(at(district, "setup")).content.decode()
    assert '<option value="mdy">Month first: 8/27/2026</option>' in page
    assert ">join<" not in page and ">complete<" not in page


def test_the_page_says_what_is_never_read(district: Grove, ada: Client) -> None:
    page = ada.get(at(district, "setup")).content.decode()
    assert "Passwords and demographics" in page


@pytest.mark.once
@pytest.mark.parametrize("kind", ["zip", "csv"])
def test_uploaded_files_are_what_the_next_import_reads(district: Grove, ada: Client, tmp_path: Path, kind: str) -> None:
    folder = write(tmp_path / "export", small(7))
    files = [zipped(folder)] if kind == "zip" else [path.open("rb") for path in sorted(folder.glob("*.csv"))]
    page = ada.post(at(district, "upload"), {"files": files}, follow=True).content.decode()
    assert "The files are here." in page
    run = district.runs()
    assert run.state == "applied", run.message
    assert district.active("enrollment") == 9


def test_an_upload_that_is_no_export_leaves_the_files_of_before(district: Grove, ada: Client, tmp_path: Path) -> None:
    ada.post(at(district, "upload"), {"files": [zipped(write(tmp_path / "export", small(7)))]})
    kept = Path(district.source.settings["path"])
    before = kept.read_bytes()
    for name, content in (
        ("broken.zip", b"%PDF-1.7"),
        ("users.xlsx", b"PK"),
        ("../../evil.csv", b"a,b\n"),
        ("users.csv", b"%PDF-1.7\n"),
        ("users.csv", b"first name,last name\nMia,Fp1\n"),
    ):
        file = io.BytesIO(content)
        file.name = name
        page = ada.post(at(district, "upload"), {"files": [file]}, follow=True).content.decode()
        assert "Nothing was replaced." in page, name
    assert "choose a ZIP file" in ada.post(at(district, "upload"), {}, follow=True).content.decode()
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_a_failed_import_of_uploaded_files_leads_to_where_others_are_uploaded(
    district: Grove, ada: Client, tmp_path: Path
) -> None:
    address = "/imports/{}/".format
    assert "Upload other files" not in ada.get(address(district.runs().pk)).content.decode(), "a folder is read"
    ada.post(at(district, "upload"), {"files": [zipped(write(tmp_path / "export", small(7)))]})
    Path(district.source.settings["path"]).write_bytes(b"PK")
    page = ada.get(address(district.runs().pk)).content.decode()
    assert f'href="{at(district, "setup")}">Upload other files</a>' in page


def test_files_larger_than_the_limit_are_refused_in_words(
    district: Grove, ada: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollbook.web.manage.receiving.LIMIT", 100)
    page = ada.post(at(district, "upload"), {"files": [zipped(write(tmp_path / "e", small()))]}, follow=True).content.decode()
    assert "The files are larger than" in page
    assert "upload" not in str(district.source.settings["path"])


def test_a_stranger_s_files_never_reach_the_disk(district: Grove, tmp_path: Path) -> None:
    page = Client().post(at(district, "upload"), {"files": [zipped(write(tmp_path / "e", small()))]})
    assert page.status_code == 302
    assert not (tmp_path / "kept" / "uploads").exists()


# --- import ---


@pytest.mark.once
def test_the_summary_adds_up_and_says_what_the_shares_are_of(district: Grove, fewer: Run, ada: Client) -> None:
    page = ada.get(at(district, "import")).content.decode()
    assert "Summary from last import" in page
    line = next(each for each in fewer.summary if each["title"] == "Users – Students")
    assert line["read"] == line["added"] + line["changed"] + line["returned"] + line["unchanged"] + line["errors"]
    assert f"{100 * line['removed'] / line['active']:.1f} % of {line['active']}" in page
    assert f'href="/imports/{fewer.pk}/"' in page


def test_a_second_start_is_refused_in_words(district: Grove, ada: Client) -> None:
    district.writes()
    first = ada.post(at(district, "start"))
    run = Run.objects.get()
    assert first.headers["Location"] == f"/imports/{run.pk}/"
    page = ada.post(at(district, "start"), follow=True).content.decode()
    assert "Nothing was started" in page
    assert Run.objects.count() == 1


@pytest.mark.once
def test_a_preview_is_asked_for_as_a_preview(district: Grove, ada: Client) -> None:
    district.writes()
    ada.post(at(district, "start"), {"do": "preview"})
    run = runs.perform(Run.objects.get())
    assert (run.trigger, run.state) == ("preview", "held")
    assert district.active("person") == 0


@pytest.mark.once
def test_an_import_on_hold_is_the_first_thing_on_the_page(district: Grove, held: Run, ada: Client) -> None:
    page = ada.get(at(district, "import")).content.decode()
    assert f'<a class="button primary" href="/imports/{held.pk}/">' in page
    assert page.index("Nothing has been changed.") < page.index("Import now")


def test_the_import_tab_asks_the_database_a_fixed_number_of_times(
    district: Grove, held: Run, ada: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(16):
        ada.get(at(district, "import"))


# --- limits ---


def test_every_limit_is_shown_with_its_meaning(district: Grove, ada: Client) -> None:
    page = ada.get(at(district, "limits")).content.decode()
    for limit in DEFAULTS:
        assert f'id="limit-{limit.key}"' in page
    assert "students would become inactive in any one school." in page


def test_an_edit_holds_from_then_on_and_is_written_down(district: Grove, ada: Client) -> None:
    ada.post(at(district, "limits"), {f"percent:{LEAVERS}": "2,5", f"floor:{LEAVERS}": "3", "do": "save"})
    limit = next(each for each in sources.limits(district.source) if each.key == LEAVERS)
    assert (limit.percent, limit.floor) == (2.5, 3)
    entry = AuditEntry.objects.get(act="limit.changed")
    assert (entry.detail["was"], entry.detail["now"]) == ([10.0, 5, None], [2.5, 3, None])
    assert "Reset to the default, 10 %, at least 5" in ada.get(at(district, "limits")).content.decode()
    ada.post(at(district, "limits"), {"reset": LEAVERS})
    assert not Limit.objects.exists()


def test_all_wrong_figures_are_named_at_once_and_none_is_saved(district: Grove, ada: Client) -> None:
    share, count = f"percent:{LEAVERS}", "count:person.vanish.all.district.count"
    other = "percent:person.vanish.teacher.org.share"
    for nonsense in ("", "ten", "nan", "-5", "1e400"):
        page = ada.post(at(district, "limits"), {share: nonsense, f"floor:{LEAVERS}": "5", count: "x", other: "3", "do": "save"})
        assert page.status_code == 400
        text = page.content.decode()
        assert "Nothing was saved." in text
        assert f'href="#limit-{LEAVERS}"' in text, nonsense
    assert not Limit.objects.exists()


@pytest.mark.parametrize("do", ["save", "try"])
def test_a_share_that_nothing_can_reach_is_refused_where_it_stands(district: Grove, ada: Client, do: str) -> None:
    share, floor = f"percent:{LEAVERS}", f"floor:{LEAVERS}"
    page = ada.post(at(district, "limits"), {share: "150", floor: "5", "do": do})
    assert page.status_code == 400
    text = page.content.decode()
    assert "Write more than 0 and at most 100." in text
    assert [re.search(r'name="([^"]+)"', each)[1] for each in text.split("<input ") if "aria-invalid" in each] == [share]
    page = ada.post(at(district, "limits"), {share: "15", floor: "0", "do": do}).content.decode()
    assert [re.search(r'name="([^"]+)"', each)[1] for each in page.split("<input ") if "aria-invalid" in each] == [floor]
    assert not Limit.objects.exists()


def test_newcomers_may_be_more_than_those_who_are_here(district: Grove, ada: Client) -> None:
    key = "person.appear.student.district.share"
    ada.post(at(district, "limits"), {f"percent:{key}": "150", f"floor:{key}": "20", "do": "save"})
    assert Limit.objects.get().percent == 150.0


def test_a_limit_can_be_tried_on_what_was_measured_before_it_is_saved(district: Grove, fewer: Run, ada: Client) -> None:
    district.imports(298)
    page = ada.post(at(district, "limits"), {f"percent:{LEAVERS}": "0.1", f"floor:{LEAVERS}": "1", "do": "try"}).content.decode()
    assert "Tried, not saved." in page
    assert "With this limit, 1 of the last 2 imports would have been held." in page
    assert not Limit.objects.exists()


def test_judging_limits_costs_three_statements_however_many_there_are(
    district: Grove, fewer: Run, django_assert_num_queries: Any
) -> None:
    source = district.source
    now = sources.limits(source)
    with django_assert_num_queries(2):
        judging.back_test(source, now)
    with django_assert_num_queries(2):
        judging.last_measured(source)


@pytest.mark.parametrize("inside", ["uploads/999/upload.zip", "uploads/999/../999/upload.zip", "sources/1/runs", "scratch"])
def test_nobody_reads_what_rollbook_keeps_for_another_district(district: Grove, settings: Any, inside: str) -> None:
    theirs = Path(settings.DATA_DIR) / inside
    with pytest.raises(ConfigError, match="lies where Rollbook keeps its own files"):
        sources.attempt(district.ada, district.source, {"path": str(theirs)})
