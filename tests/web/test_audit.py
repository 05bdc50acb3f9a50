"""The fear that somebody did something and nobody can say who, or that the log was tidied up afterwards."""

import csv
import html
import io
import re
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

import rollbook
from rollbook.actions import sources
from rollbook.lib import cells
from rollbook.store import audit
from rollbook.store.models import AuditEntry
from rollbook.web.templatetags.roster import ACTS
from tests.district import Grove


def entries_in(page: str) -> int:
    return page.count('<td class="when"><time')


def downloaded(client: Client, **asked: str) -> list[list[str]]:
    response = client.post("/audit/export/", asked)
    assert response.streaming
    assert response.headers["Content-Disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(response.getvalue().decode())))


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_remove_an_entry(district: Grove) -> None:
    entry = AuditEntry.objects.first()
    assert entry is not None
    for act in (
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(by="nobody"),
        lambda: AuditEntry.objects.filter(pk=entry.pk).delete(),
        lambda: AuditEntry.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            act()
    assert AuditEntry.objects.get(pk=entry.pk).by == entry.by


@pytest.mark.django_db
def test_no_statement_goes_past_the_triggers(district: Grove) -> None:
    entry = AuditEntry.objects.first()
    assert entry is not None
    connection.check_constraints()  # PostgreSQL does not even try to empty a table that is still to be checked
    columns = '"district_id", "at", "act", "about", "detail", "concerns"'
    over = f'INTO "store_auditentry" ("id", "by", {columns}) SELECT "id", \'nobody\', {columns} FROM "store_auditentry"'
    statements = {
        "sqlite": [f"REPLACE {over}", f"INSERT OR REPLACE {over}", 'UPDATE OR REPLACE "store_auditentry" SET "by" = \'nobody\''],
        "postgresql": ['TRUNCATE "store_auditentry"', 'TRUNCATE "store_district" CASCADE'],
    }[connection.vendor]
    for statement in statements:
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert AuditEntry.objects.get(pk=entry.pk).by == entry.by
    audit.note(district.row.pk, "ada", "import.approved", "import 1")  # who adds is let through


@pytest.mark.django_db(transaction=True)
def test_tests_can_still_empty_their_database() -> None:
    """Emptying goes past the triggers, in tests alone; that it does is what this test leaves behind for the next one."""
    from rollbook.store.models import District

    audit.note(District.objects.create(name="Emptied").pk, "ada", "district.made")


@pytest.mark.django_db(transaction=True)
def test_after_tests_have_emptied_it_the_log_is_as_strict_as_before() -> None:
    from rollbook.store.models import District

    assert not AuditEntry.objects.exists()
    audit.note(District.objects.create(name="Emptied").pk, "ada", "district.made")
    with pytest.raises(IntegrityError, match="append-only"):
        AuditEntry.objects.all().delete()
    if connection.vendor == "postgresql":
        with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
            cursor.execute('TRUNCATE "store_auditentry"')


def test_the_log_is_paged_through_without_losing_an_entry(district: Grove, ada: Client) -> None:
    for number in range(250):
        audit.note(district.row.pk, "ada", "limit.changed", f"thing {number}")
    page, seen = ada.get("/audit/").content.decode(), 0
    while True:
        seen += entries_in(page)
        if 'rel="next"' not in page:
            break
        page = ada.get("/audit/" + page.split('rel="next"')[0].rpartition('href="')[2].rstrip('" ')).content.decode()
    assert seen == AuditEntry.objects.count()


def test_entries_are_found_by_act_by_whom_about_what_and_when(district: Grove, ada: Client) -> None:
    audit.note(district.row.pk, "lee@maple.example", "import.approved", "import 12")
    for asked in ("act=import.approved", "by=lee@maple.example", "about=import+12"):
        assert entries_in(ada.get(f"/audit/?{asked}").content.decode()) == 1, asked
    today = datetime.now(UTC).date()
    assert entries_in(ada.get(f"/audit/?since={today}&until={today}").content.decode()) == AuditEntry.objects.count()
    assert "No entry matches." in ada.get(f"/audit/?since={today + timedelta(days=2)}").content.decode()
    page = ada.get("/audit/?since=31.12.&before=x&until=9999-12-31").content.decode()
    assert "is not a date" in page


def test_every_act_of_the_code_can_be_chosen_by_a_name(district: Grove, ada: Client) -> None:
    modules = [each for each in Path(rollbook.__file__).parent.rglob("*.py") if each.parent.name != "templatetags"]
    kinds = "import|source|account|session|second-factor|password|rights|override|provider"
    noted = set(re.findall(rf'"((?:{kinds})\.[a-z-]+)"', "".join(each.read_text() for each in modules)))
    assert "session.began" in noted
    assert not noted - set(ACTS)
    page = ada.get("/audit/?act=session.began&by=Ada@maple-grove.example").content.decode()
    assert '<option value="session.began" selected>Session began</option>' in page
    assert entries_in(page) == AuditEntry.objects.filter(act="session.began").count() > 0


def test_settings_and_limits_are_written_down_in_the_words_of_their_pages(district: Grove, ada: Client) -> None:
    key = "person.vanish.student.org.share"
    sources.set_limit(district.ada, district.source, key, percent=30.0, floor=7, count=None)
    sources.set_limit(district.ada, district.source, "person.vanish.all.district.count", percent=None, floor=1, count=300)
    sources.set_schedule(district.ada, district.source, ["02:00", "13:30"], [])
    sources.set_schedule(district.ada, district.source, ["02:00"], [0, 4])
    sources.set_schedule(district.ada, district.source, [], [])
    sources.set_times_kept(district.ada, district.source, keep_days=30, undo_days=200, releases=False, rollover=date(2027, 7, 1))
    audit.note(district.row.pk, "ada", "source.kept", "lincoln", keep_days=30, undo_days=200, releases=True)  # an older release
    audit.note(district.row.pk, "ada", "limit.changed", "lincoln", limit="a.limit.of.another.release", was=[1.0], now=[2.0])
    page = html.unescape(ada.get("/audit/").content.decode())
    for words in (
        "Hold when 30 % or more of those active now, and at least 7, students would become inactive in any one school. "
        "Before: 10 %, at least 5.",
        "Hold when 300 or more people would become inactive. Before: 200.",
        "every day at 2:00 am, 1:30 pm",
        "Monday, Friday at 2:00 am",
        "only by hand",
        "the school year changes on: 1 July 2027",
        "days that copies of the files are kept: 30",
        "limit: a.limit.of.another.release",
    ):
        assert words in page, words
    assert key not in page and "weekdays" not in page and "keep days" not in page


def test_an_entry_about_an_import_leads_to_it(district: Grove, ada: Client) -> None:
    audit.note(district.row.pk, "ada", "import.approved", "import 12")
    audit.note(district.row.pk, "ada", "source.renamed", "import 13", was="lincoln")  # a source can be called so
    page = ada.get("/audit/").content.decode()
    assert '<a href="/imports/12/">import 12</a>' in page
    assert "/imports/13/" not in page


def test_a_day_is_the_district_s_day(district: Grove, ada: Client) -> None:
    district.row.time_zone = "Pacific/Kiritimati"  # 14 hours ahead: its Sunday begins on our Saturday at ten
    district.row.save()
    at = datetime(2026, 9, 5, 10, 30, tzinfo=UTC)
    AuditEntry.objects.create(district=district.row, at=at, by="lee", act="import.approved", about="import 1", detail={})
    assert entries_in(ada.get("/audit/?since=2026-09-06&until=2026-09-06").content.decode()) == 1
    assert entries_in(ada.get("/audit/?since=2026-09-05&until=2026-09-05").content.decode()) == 0


def test_the_download_holds_what_was_asked_for_and_is_written_down_itself(district: Grove, ada: Client) -> None:
    audit.note(district.row.pk, "lee", "import.approved", "import 12")
    rows = downloaded(ada, act="import.approved")
    assert rows[0] == ["when", "who", "act", "about", "concerns", "detail"]
    assert [row[1:4] for row in rows[1:]] == [["lee", "import.approved", "import 12"]]
    entry = AuditEntry.objects.get(act="audit.exported")
    assert entry.by == district.account.email
    assert (entry.detail["entries"], entry.detail["with_act"]) == (1, "import.approved")
    assert ada.get("/audit/export/").status_code == 405, "a link that is only looked at downloads nothing"


@pytest.mark.parametrize("nasty", ["=cmd|'/c calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_cell_is_a_formula(district: Grove, ada: Client, nasty: str) -> None:
    audit.note(district.row.pk, "lee", "import.approved", nasty)
    assert downloaded(ada, act="import.approved")[1][3] == f"'{nasty}"
    assert "".join(cells.lines([["plain", 7, None]])) == "plain,7,\r\n"


def test_a_page_costs_the_same_however_long_the_log_is(district: Grove, ada: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(220):
        audit.note(district.row.pk, "ada", "limit.changed")
    ada.get("/audit/")  # the first page of a visit also writes down that somebody is here
    with django_assert_max_num_queries(9):
        ada.get("/audit/")


def test_another_district_s_log_is_not_shown(district: Grove, cleo: Client) -> None:
    audit.note(district.row.pk, "lee", "import.approved", "import 12")
    assert "import 12" not in cleo.get("/audit/").content.decode()
    assert "import 12" not in str(downloaded(cleo))


def test_who_administers_nothing_reads_no_log_and_no_mail(district: Grove, ben: Client, settings: Any) -> None:
    settings.DEMO = True
    for address in ("/audit/", "/mail/", "/mail/x.eml/"):
        assert ben.get(address).status_code == 403
    assert ben.post("/audit/export/").status_code == 403


# --- the demo's mail ---


@pytest.fixture
def mailed(settings: Any, tmp_path: Path) -> Path:
    settings.DEMO = True
    settings.MAIL_FOLDER = str(tmp_path / "mail")
    (tmp_path / "mail").mkdir()
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Import Results: Maple Grove", "rollbook@x.example", "ada@x.example"
    message["Date"] = "Sat, 21 Nov 2026 23:00:00 +0000"
    message.set_content("All changes were written.")
    message.add_alternative("<p>All <b>changes</b> were written.<script>alert(1)</script></p>", subtype="html")
    (tmp_path / "mail" / "20261121T230000.eml").write_bytes(message.as_bytes())
    return tmp_path / "mail"


def test_a_demo_s_mail_can_be_read(district: Grove, ada: Client, mailed: Path) -> None:
    assert "Import Results: Maple Grove" in ada.get("/mail/").content.decode()
    assert "All changes were written." in ada.get("/mail/20261121T230000.eml/").content.decode()


def test_a_mail_runs_no_script(district: Grove, ada: Client, mailed: Path) -> None:
    page = ada.get("/mail/20261121T230000.eml/html/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "sandbox" in policy


def test_no_other_file_is_read_as_mail(district: Grove, ada: Client, mailed: Path) -> None:
    (mailed.parent / "secret.eml").write_text("Subject: secret\n\nsecret")
    for name in ("..%2Fsecret.eml", "secret.eml", "..", "%2Fetc%2Fpasswd", ".eml"):
        assert ada.get(f"/mail/{name}/").status_code == 404, name


def test_outside_a_demo_there_is_no_mail_to_read(district: Grove, ada: Client, mailed: Path, settings: Any) -> None:
    settings.DEMO = False
    assert ada.get("/mail/").status_code == 404
    assert ada.get("/mail/20261121T230000.eml/").status_code == 404
