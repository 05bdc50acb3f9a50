"""The fear that an administrator gets lost between two systems, or that a secret, a username or a roster gets lost on the way."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
from django.test import Client

from rollbook.actions import plugin, runs, sources
from rollbook.connectors.powerschool import changes
from rollbook.connectors.powerschool.changes import Release
from rollbook.domain.errors import ConfigError, NotAllowed
from rollbook.lib import http
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import MODELS, AuditEntry, Person, Run, Source
from rollbook.store.runs import begin
from tests.district import Clock, Grove


@pytest.fixture
def simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerSchool]:
    settings.ALLOWED_NETWORKS = ["127.0.0.1"]
    monkeypatch.setattr("rollbook.lib.clock.now", Clock(datetime(2026, 10, 14, 2, tzinfo=UTC)))
    monkeypatch.setattr(http, "Limits", partial(http.Limits, apart=0.0, first_pause=0.0))  # it is ours, and may be hurried
    with PowerSchool.of(50, day=date(2026, 10, 14)) as running:
        yield running


@pytest.fixture
def bare(district: Grove) -> Source:
    """A PowerSchool of which nothing is known yet."""
    return Source.objects.create(district=district.row, name="our powerschool", kind="powerschool")


@pytest.fixture
def typed(bare: Source, simulator: PowerSchool) -> dict[str, str]:
    """What somebody types who has installed and enabled the plugin."""
    simulator.ready(plugin.package(guardians=False))
    return {"url": simulator.url, "key": simulator.client_id, "secret": simulator.client_secret, "devices": "chromebooks"}


@pytest.fixture
def saved(district: Grove, bare: Source, typed: dict[str, str]) -> Source:
    """A PowerSchool that could be imported from."""
    sources.change(district.ada, bare, typed)
    return fresh(bare)


@pytest.fixture
def filled(district: Grove, ada: Client, bare: Source, typed: dict[str, str]) -> Source:
    """A PowerSchool that has been imported from."""
    run = ada.post(at(bare, "setup"), typed | {"do": "continue"}).headers["Location"]
    assert runs.perform(Run.objects.get(source=bare)).state == "applied", run
    return fresh(bare)


def at(source: Source, page: str) -> str:
    return f"/manage/{source.pk}/{page}/"


def fresh(source: Source) -> Source:
    return Source.objects.select_related("district").get(pk=source.pk)


def entry(act: str) -> AuditEntry:
    return AuditEntry.objects.filter(act=act).latest("pk")


def active(source: Source) -> dict[str, int]:
    return {name: model.objects.filter(source=source, status="active").count() for name, model in MODELS.items()}


def text(page: Any) -> str:
    said: str = page.content.decode()
    return said


# --- plugin ---


def test_the_setup_is_a_walk_with_powerschools_own_words(ada: Client, bare: Source) -> None:
    page = text(ada.get(at(bare, "setup")))
    for words in (
        "1. Download the plugin",
        "Plugin Management Configuration",
        "Enable/Disable",
        "Data Provider Configuration",
        "Integration URL",
        "Integration Key",
        "Integration Secret",
        "Continue: Process Import",
    ):
        assert words in page
    assert page.count('type="radio" name="devices"') == 3
    assert plugin.version(guardians=False) in page
    for table in plugin.tables():
        assert f"<code>{table.name}</code>" in page
        assert all(f"<code>{each.name}</code>" in page for each in table.fields)


@pytest.mark.parametrize("guardians", [False, True])
def test_what_is_downloaded_is_what_powerschool_installs(
    ada: Client, bare: Source, simulator: PowerSchool, guardians: bool
) -> None:
    page = ada.get(f"/manage/{bare.pk}/plugin.zip", {"guardians": "yes"} if guardians else {})
    assert page.headers["Content-Type"] == "application/zip"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Content-Disposition"].startswith('attachment; filename="rollbook-plugin-')
    assert zipfile.ZipFile(io.BytesIO(page.content)).namelist()[0] == "plugin.xml"
    assert simulator.plugins.install("p.zip", page.content).package.name == "Rollbook roster"
    assert entry("plugin.downloaded").detail["guardians"] is guardians


def test_the_bare_description_lists_what_the_page_lists(ada: Client, bare: Source) -> None:
    listed = sum(len(table.fields) for table in plugin.tables())
    page = ada.get(f"/manage/{bare.pk}/plugin.xml", {"guardians": "yes"})
    assert page.content.count(b'access="ViewOnly"') == listed
    fewer = ada.get(f"/manage/{bare.pk}/plugin.xml").content.count(b'access="ViewOnly"')
    assert fewer == sum(not each.guardians for table in plugin.tables() for each in table.fields)


@pytest.mark.parametrize(
    ("sender", "contact"),
    [
        ("Rollbook <rosters@maple.example>", "rosters@maple.example"),
        ("Rollbook <rollbook@localhost>", "nobody@rollbook.invalid"),
        (f"{'long' * 10}@maple.example", "nobody@rollbook.invalid"),
    ],
)
def test_the_plugin_names_whom_its_own_installation_writes_as(
    ada: Client, bare: Source, simulator: PowerSchool, settings: Any, sender: str, contact: str
) -> None:
    settings.DEFAULT_FROM_EMAIL = sender
    page = ada.get(f"/manage/{bare.pk}/plugin.zip")
    assert f'email="{contact}"'.encode() in zipfile.ZipFile(io.BytesIO(page.content)).read("plugin.xml")
    simulator.plugins.install("p.zip", page.content)


def test_a_source_of_another_kind_has_no_plugin(district: Grove, ada: Client) -> None:
    for page in ("plugin.zip", "plugin.xml", "devices/?to=mix"):
        assert ada.get(f"/manage/{district.source.pk}/{page}").status_code == 404


def test_a_newer_plugin_says_that_it_is_there_and_what_to_do(ada: Client, bare: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody has downloaded it" in text(ada.get(at(bare, "setup")))
    ada.get(f"/manage/{bare.pk}/plugin.zip")
    assert "You have the newest" in text(ada.get(at(bare, "setup")))
    later = Release("1.1", date(2027, 1, 5), "Rooms come along.", enable_again=True, copy_credentials=False)
    monkeypatch.setattr(changes, "HISTORY", (later, *changes.HISTORY))
    page = text(ada.get(at(bare, "setup")))
    assert "A newer plugin is here." in page
    assert "Rooms come along." in page
    assert "tick it again" in page
    assert "The credentials stay the same." in page
    other = Source.objects.create(district=bare.district, name="another", kind="powerschool")
    assert "A newer plugin is here." not in text(ada.get(at(other, "setup")))


# --- credentials ---


def test_everything_that_is_missing_is_said_at_once_and_devices_have_to_be_chosen(ada: Client, bare: Source) -> None:
    page = text(ada.post(at(bare, "setup"), {"do": "continue"}))
    for field in ("Integration URL", "Integration Key", "Integration Secret", "Student Devices"):
        assert f"{field} is needed." in page
    assert 'href="#id_devices"' in page
    assert 'id="id_devices"' in page
    assert not Run.objects.exists()


def test_the_secret_is_never_shown_again_and_empty_keeps_it(ada: Client, bare: Source, typed: dict[str, str]) -> None:
    saved = ada.post(at(bare, "setup"), typed | {"do": "save"}, follow=True)
    secret = typed["secret"]
    assert secret not in text(saved)
    ada.post(at(bare, "setup"), typed | {"secret": "", "key": "another", "do": "save"})
    assert sources.known_secrets(fresh(bare)) == {"secret"}
    assert secret in fresh(bare).secrets
    assert fresh(bare).settings["key"] == "another"
    assert entry("source.credentials").detail["settings"] == ["devices", "key", "secret", "url"]
    assert entry("source.changed").detail["settings"] == ["key"]
    assert not AuditEntry.objects.filter(detail__icontains=secret).exists()
    wrong = text(ada.post(at(bare, "setup"), typed | {"url": "http://ps.example.org", "do": "test"}))
    assert "https://" in wrong
    assert secret not in wrong


@pytest.mark.once
@pytest.mark.parametrize("pressed", ["test", "save", "continue"])
def test_a_secret_that_is_kept_is_never_carried_to_another_address(ada: Client, saved: Source, pressed: str) -> None:
    kept = (saved.settings, saved.secrets)
    with PowerSchool.of(50, day=date(2026, 10, 14)) as strange:
        page = text(ada.post(at(saved, "setup"), saved.settings | {"url": strange.url, "secret": "", "do": pressed}))
        log = list(strange.log)

    assert log == [], "nobody was asked there"
    assert "has to be entered again: the one that is kept is for the address as it was" in page
    assert (fresh(saved).settings, fresh(saved).secrets) == kept


def test_the_same_address_written_otherwise_keeps_the_secret(ada: Client, saved: Source) -> None:
    kept = saved.secrets
    ada.post(
        at(saved, "setup"), saved.settings | {"url": f" {saved.settings['url']}/admin/home.html ", "secret": "", "do": "save"}
    )

    assert (fresh(saved).settings["url"], fresh(saved).secrets) == (saved.settings["url"], kept)


@pytest.mark.once
def test_a_test_ticks_every_step_and_saves_nothing(ada: Client, bare: Source, typed: dict[str, str]) -> None:
    page = text(ada.post(at(bare, "setup"), typed | {"do": "test"}))
    assert page.count('<li class="done">') == 3
    assert "is a PowerSchool" in page
    assert "Guardians do not come" in page
    assert fresh(bare).settings == {}
    assert fresh(bare).secrets == ""
    assert entry("source.tested").detail == {"works": True}


@pytest.mark.once
@pytest.mark.parametrize(
    ("fault", "signs", "says"),
    [
        ("maintenance", ["failed", "later", "later"], "serviced"),
        ("secret", ["done", "failed", "later"], "turned down the client ID or the client secret"),
        ("field-withdrawn", ["done", "done", "failed"], "does not let the plugin read these fields"),
    ],
)
def test_a_test_says_at_which_step_it_ended_and_what_to_do(
    ada: Client, bare: Source, typed: dict[str, str], simulator: PowerSchool, fault: str, signs: list[str], says: str
) -> None:
    if fault == "secret":
        typed["secret"] = "another one"
    else:
        simulator.faults.on(fault)
    page = text(ada.post(at(bare, "setup"), typed | {"do": "test"}, headers={"HX-Request": "true"}))
    part = page.split('id="tested"')[1]
    assert [each.split('"')[0] for each in part.split('<li class="')[1:4]] == signs
    assert says in part
    assert "Nothing has been saved or changed." in part
    assert "tried again by itself" not in part
    assert typed["secret"] not in page
    assert entry("source.tested").detail == {"works": False}


def test_a_test_ends_although_every_single_answer_comes_in_time(
    ada: Client, bare: Source, typed: dict[str, str], simulator: PowerSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollbook.actions.powerschool.LONG_ENOUGH", 0.5)
    simulator.slow_seconds = 0.2
    simulator.faults.on("slow")
    page = text(ada.post(at(bare, "setup"), typed | {"do": "test"}))
    assert "The connection works." not in page
    assert "did not answer in time" in page


@pytest.mark.once
def test_continue_saves_tests_and_lands_on_the_import(ada: Client, bare: Source, typed: dict[str, str]) -> None:
    page = ada.post(at(bare, "setup"), typed | {"do": "continue"})
    run = Run.objects.get(source=bare)
    assert page.headers["Location"] == f"/imports/{run.pk}/"
    assert fresh(bare).settings["devices"] == "chromebooks"
    assert runs.perform(run).state == "applied", run.message
    again = ada.post(at(bare, "setup"), typed | {"secret": "", "do": "continue"})
    assert again.headers["Location"] != page.headers["Location"]
    busy = ada.post(at(bare, "setup"), typed | {"secret": "", "do": "continue"}, follow=True)
    assert "Nothing was started" in text(busy)


def test_continue_with_wrong_credentials_keeps_them_and_imports_nothing(ada: Client, bare: Source, typed: dict[str, str]) -> None:
    page = text(ada.post(at(bare, "setup"), typed | {"secret": "another one", "do": "continue"}))
    assert "The setup has been saved, and no import was started." in page
    assert not Run.objects.exists()


# --- student devices ---


@pytest.mark.once
def test_another_answer_about_devices_is_judged_before_it_is_kept(ada: Client, filled: Source, typed: dict[str, str]) -> None:
    students = Person.objects.filter(source=filled, status="active", sourced_id__startswith="student-")
    students.update(username=None)
    two = list(students.order_by("pk").values_list("pk", flat=True)[:2])
    for pk, username in zip(two, ("Sam", "sAM"), strict=True):
        Person.objects.filter(pk=pk).update(username=username)

    page = ada.post(at(filled, "setup"), typed | {"secret": "", "devices": "none", "do": "save"})

    assert page.headers["Location"] == f"{at(filled, 'devices')}?to=none"
    assert fresh(filled).settings["devices"] == "chromebooks"
    asked = text(ada.get(page.headers["Location"]))
    assert "No Chromebooks" in asked
    rows = [re.sub(r"\s*<[^>]+>\s*", " ", row).split() for row in asked.split("<tbody>")[1].split("</tr>")]
    lacking, sharing = (" ".join(row) for row in rows[2:4])
    assert lacking.endswith(f"username Only Chromebooks: not asked for No Chromebooks: {students.count() - 2}")
    assert sharing.endswith("another Only Chromebooks: not asked for No Chromebooks: 2")
    ada.post(page.headers["Location"])
    assert fresh(filled).settings["devices"] == "none"
    assert sources.known_secrets(fresh(filled)) == {"secret"}
    assert entry("source.devices").detail == {"was": "Only Chromebooks", "now": "No Chromebooks"}


@pytest.mark.once
def test_continue_goes_on_after_the_devices_were_confirmed(ada: Client, filled: Source, typed: dict[str, str]) -> None:
    asked = ada.post(at(filled, "setup"), typed | {"devices": "mix", "do": "continue"}).headers["Location"]
    assert Run.objects.filter(source=filled).count() == 1, "nothing starts before the answer"
    done = ada.post(asked)
    assert done.headers["Location"] == f"/imports/{Run.objects.filter(source=filled).latest('pk').pk}/"


def test_an_answer_that_is_none_of_the_three_is_refused(ada: Client, saved: Source) -> None:
    assert ada.post(f"{at(saved, 'devices')}?to=tablets").status_code == 400
    assert fresh(saved).settings["devices"] == "chromebooks"


# --- disable ---


def test_disabling_forgets_the_secret_and_keeps_the_roster(district: Grove, ada: Client, filled: Source) -> None:
    sources.set_schedule(district.ada, filled, ["02:00"], [])
    before = Person.objects.filter(source=filled, status="active").count()
    runs.start(district.ada, filled)
    assert "secret is forgotten" in text(ada.get(at(filled, "disable")))

    ada.post(at(filled, "disable"))

    found = fresh(filled)
    assert (found.enabled, found.next_at, found.secrets) == (False, None, "")
    assert found.settings["url"]
    assert found.times == ["02:00"]
    assert before == Person.objects.filter(source=filled, status="active").count() > 0
    assert Run.objects.filter(source=filled).latest("pk").state == "superseded"
    assert entry("source.disabled").by == district.account.email
    assert runs.next_run() is None


def test_who_lets_it_import_again_is_asked_for_the_secret(ada: Client, saved: Source, typed: dict[str, str]) -> None:
    ada.post(at(saved, "disable"))
    page = ada.post(at(saved, "enable"), {"enabled": "yes"}, follow=True)
    assert page.redirect_chain[-1][0] == at(saved, "setup")
    assert not fresh(saved).enabled
    assert "Integration Secret is needed." in text(ada.post(at(saved, "setup"), typed | {"secret": "", "do": "continue"}))
    ada.post(at(saved, "setup"), typed | {"do": "continue"})
    assert fresh(saved).enabled
    assert entry("source.enabled")
    assert Run.objects.filter(source=saved, state="queued").exists()


def test_no_other_way_enables_a_source_without_its_secret(district: Grove, saved: Source) -> None:
    sources.set_enabled(district.ada, saved, enabled=False)
    with pytest.raises(ConfigError, match="forgotten"):
        sources.set_enabled(district.ada, fresh(saved), enabled=True)


def test_archiving_shows_who_would_leave_and_waits_for_a_yes_and_can_be_undone(
    district: Grove, ada: Client, filled: Source
) -> None:
    before = active(filled)
    page = ada.post(at(filled, "disable"), {"also": "archive"}, follow=True)
    run = Run.objects.filter(source=filled).latest("pk")
    assert page.redirect_chain[-1][0] == f"/imports/{run.pk}/"
    assert (run.state, run.trigger) == ("queued", "archive"), "a plan takes its time, and nobody should have to wait for it"
    run = runs.perform(run)
    assert run.state == "held", run.message
    assert run.counts["person"]["vanish"] == before["person"]
    assert (fresh(filled).enabled, fresh(filled).secrets) == (False, "")
    assert active(filled) == before, "a plan changes nothing"
    assert f"Approve and deactivate {before['person']} people" in text(ada.get(f"/imports/{run.pk}/approve/"))

    assert runs.perform(runs.approve(district.ada, run.pk, run.digest)).state == "applied"
    assert set(active(filled).values()) == {0}
    assert district.account.is_active

    undone = runs.perform(runs.undo(district.ada, run.pk))
    undone = runs.perform(runs.approve(district.ada, undone.pk)) if undone.state == "held" else undone
    assert undone.state == "applied", undone.message
    assert active(filled) == before


@pytest.mark.once
def test_who_did_not_archive_when_disabling_can_do_so_later(district: Grove, ada: Client, filled: Source) -> None:
    settings = at(filled, "settings")
    assert "See who would leave" not in text(ada.get(settings)), "it still imports"
    ada.post(at(filled, "disable"))
    before = active(filled)
    assert "See who would leave" in text(ada.get(settings))

    ada.post(at(filled, "disable"), {"also": "archive"})

    run = Run.objects.filter(source=filled).latest("pk")
    assert (run.trigger, runs.perform(run).state, active(filled)) == ("archive", "held", before)
    page = text(ada.get(settings))
    assert f'href="/imports/{run.pk}/"' in page
    assert "See who would leave" not in page, "it has been asked for"
    runs.perform(runs.approve(district.ada, run.pk))
    assert "Archive its people" not in text(ada.get(settings)), "nobody is left"


def test_nothing_is_archived_under_an_import_at_work(district: Grove, ada: Client, saved: Source) -> None:
    begin(runs.start(district.ada, saved).pk, by="worker")
    assert ada.post(at(saved, "disable"), {"also": "archive"}).status_code == 409
    assert fresh(saved).enabled


# --- another method ---


def test_another_method_asks_first_and_forgets_the_credentials(
    ada: Client, district: Grove, bare: Source, typed: dict[str, str]
) -> None:
    ada.post(at(bare, "setup"), typed | {"do": "save"})
    asked = f"/manage/{bare.pk}/method/oneroster-csv/"
    assert "Change the method?" in text(ada.get(asked))
    assert fresh(bare).kind == "powerschool"
    ada.post(asked)
    assert (fresh(bare).settings, fresh(bare).secrets) == ({}, "")
    ada.post(f"/manage/{bare.pk}/method/powerschool/")
    page = text(ada.get(at(bare, "setup")))
    assert typed["key"] not in page
    assert typed["url"] not in page


def test_the_method_that_a_source_has_is_no_change(ada: Client, bare: Source, typed: dict[str, str]) -> None:
    ada.post(at(bare, "setup"), typed | {"do": "save"})
    ada.post(f"/manage/{bare.pk}/method/powerschool/")
    assert fresh(bare).settings["key"] == typed["key"]


# --- who may ---


def test_nobody_but_our_administrators_gets_near_it(ben: Client, cleo: Client, saved: Source, typed: dict[str, str]) -> None:
    before = (AuditEntry.objects.count(), fresh(saved).settings, fresh(saved).secrets)
    pages = ["setup/", "plugin.zip", "plugin.xml", "devices/?to=mix", "disable/"]
    for client, status in ((ben, 403), (cleo, 404)):
        for page in pages:
            for answer in (client.get(f"/manage/{saved.pk}/{page}"), client.post(f"/manage/{saved.pk}/{page}", typed)):
                assert answer.status_code in (status, 405), page
    assert (AuditEntry.objects.count(), fresh(saved).settings, fresh(saved).secrets) == before


def test_the_actions_refuse_by_themselves(saved: Source, district: Grove) -> None:
    from rollbook.actions import powerschool
    from rollbook.actions.actor import Actor

    ben = Actor("ben", district.row.pk)
    for act in (
        lambda: powerschool.download(ben, saved, guardians=False, bare=False),
        lambda: powerschool.try_connection(ben, saved, {}),
        lambda: powerschool.judge(ben, saved, "mix"),
        lambda: powerschool.set_devices(ben, saved, "mix"),
        lambda: sources.set_enabled(ben, saved, enabled=False),
    ):
        with pytest.raises(NotAllowed):
            act()
