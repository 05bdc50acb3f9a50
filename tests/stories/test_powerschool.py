"""The fear that a district that asks PowerSchool has another roster each night, or an empty one when PowerSchool is ill."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest

from rollbook.actions import runs, sources
from rollbook.connectors.powerschool.plugin import package
from rollbook.domain.errors import ConfigError, SourceError
from rollbook.lib import http
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import MODELS, Run, Source
from rollbook.store.snapshots import files_of
from rollbook.web.manage.forms import setup_form
from tests.district import Clock, Grove
from tests.house.files import ROOT

IF_IT_SAYS_NO = (ROOT / "docs/howto/if-powerschool-says-no.md").read_text(encoding="utf-8")


@pytest.fixture
def powerschool(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerSchool]:
    settings.ALLOWED_NETWORKS = ["127.0.0.1"]
    monkeypatch.setattr("rollbook.lib.clock.now", Clock(datetime(2026, 10, 14, 2, tzinfo=UTC)))
    monkeypatch.setattr(http, "Limits", partial(http.Limits, apart=0.0, first_pause=0.0))  # it is ours, and may be hurried
    with PowerSchool.of(120, day=date(2026, 10, 14)).ready(package(guardians=True)) as simulator:
        yield simulator


def night(district: Grove, source: Source) -> Run:
    return runs.perform(runs.start(district.ada, source))


def roster(source: Source) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(model.objects.filter(source=source).values_list(), key=repr) for name, model in MODELS.items()}


def moved(run: Run) -> dict[str, int]:
    kinds = ("appear", "alter", "vanish", "return")
    return {name: changes for name, each in run.counts.items() if (changes := sum(each[kind] for kind in kinds))}


def test_the_first_night_fills_the_roster_and_the_next_moves_only_what_moved(
    district: Grove, source: Source, powerschool: PowerSchool
) -> None:
    assert "is a PowerSchool" in sources.probe(district.ada, source).sentence

    first = night(district, source)
    assert first.state == "applied", first.message
    assert not first.findings.get("error"), district.findings(first)
    filled = roster(source)
    assert all(filled.values())

    same = night(district, source)
    assert (same.state, moved(same)) == ("applied", {})
    assert roster(source) == filled

    powerschool.tomorrow()
    third = night(district, source)
    assert third.state == "applied", third.message
    assert 0 < moved(third)["person"] < 10
    assert moved(third)["enrollment"]
    left = MODELS["person"].objects.filter(source=source, status="inactive", sourced_id__startswith="student-")
    assert left.count() == 1
    assert MODELS["enrollment"].objects.filter(source=source, person=left.get().sourced_id, status="active").count() == 0


@pytest.mark.once
def test_a_student_whose_row_is_faulty_keeps_the_school_that_is_there(
    district: Grove, source: Source, powerschool: PowerSchool
) -> None:
    assert night(district, source).state == "applied"
    tables = dict(powerschool.database.frames)
    students = tables["STUDENTS"]
    one = students.filter(pl.col("SCHOOLID") == students["SCHOOLID"].mode()[0])["DCID"][0]
    other = students.filter(pl.col("SCHOOLID") != students["SCHOOLID"].mode()[0])["SCHOOLID"][0]
    role = MODELS["role"].objects.filter(source=source, person=f"student-{one}")
    before = sorted(role.values_list("sourced_id", "status"))
    is_one = pl.col("DCID") == one
    moved_and_nameless = students.with_columns(
        LAST_NAME=pl.when(~is_one).then("LAST_NAME"), SCHOOLID=pl.when(is_one).then(other).otherwise("SCHOOLID")
    )
    powerschool.database.replace(tables | {"STUDENTS": moved_and_nameless})

    run = night(district, source)

    assert run.state == "applied", run.message
    assert run.counts["person"]["unfit"] == 1
    assert sorted(role.values_list("sourced_id", "status")) == before


@pytest.mark.usefixtures("transactional_db")  # the signs of life come from another thread
def test_whoever_watches_a_slow_night_is_told_what_has_come(
    district: Grove, source: Source, powerschool: PowerSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollbook.store.runs.HEARTBEAT", timedelta(milliseconds=50))
    powerschool.slow_seconds = 0.05
    powerschool.faults.on("slow")

    run = night(district, source)

    assert run.state == "applied", run.message
    said = {what: (rows, promised) for what, rows, promised in run.arriving}
    assert said.keys() >= {"Schools", "Students", "Students of classes of a year"}
    assert 0 < said["Students"][0] == said["Students"][1]


@pytest.mark.once
def test_a_night_on_which_powerschool_is_ill_changes_nothing(district: Grove, source: Source, powerschool: PowerSchool) -> None:
    assert night(district, source).state == "applied"
    before = roster(source)
    known = powerschool.client_id, powerschool.client_secret
    for fault in ("short-page", "maintenance", "empty", "field-withdrawn", "credentials-changed"):
        powerschool.faults.on(fault, after=12)

        ill = night(district, source)

        assert (ill.state, ill.exit_code) == ("failed", SourceError.exit_code), (fault, ill.message)
        assert ill.next_step, fault
        assert not [secret for secret in (powerschool.client_secret, known[1]) if secret in ill.message], fault
        assert roster(source) == before, fault
        powerschool.switch_off(fault)
        powerschool.plugin.client_id, powerschool.plugin.client_secret = known


@pytest.mark.once
def test_a_lost_connection_costs_only_what_had_not_come_and_nothing_stays_when_the_import_ends(
    district: Grove, source: Source, powerschool: PowerSchool
) -> None:
    def pulled() -> set[str]:
        return {each.path for each in powerschool.log if "pagesize=" in each.query and each.status == 200 and not each.faults}

    def pages(run: Run) -> bool:
        return files_of(source.pk, run.pk).pages.exists()

    def cut(run: Run) -> Run:
        powerschool.faults.on("cut", after=24)
        run = runs.perform(run, patient=True)
        powerschool.faults.clear()
        assert (run.state, pages(run)) == ("queued", True)
        return run

    assert night(district, source).state == "applied"
    before = roster(source)
    every = pulled()
    powerschool.log.clear()
    lost = cut(runs.start(district.ada, source))
    first = pulled()
    powerschool.log.clear()

    again = runs.perform(lost, patient=True)

    assert (again.state, moved(again), roster(source)) == ("applied", {}, before)
    assert first and not first & pulled() and first | pulled() == every
    assert not pages(again)
    lost = cut(runs.start(district.ada, source))
    assert night(district, source).state == "applied"
    lost.refresh_from_db()
    assert (lost.state, pages(lost)) == ("superseded", False)


@pytest.mark.once
def test_parents_do_not_leave_because_somebody_installed_the_other_plugin(
    district: Grove, source: Source, powerschool: PowerSchool
) -> None:
    assert night(district, source).state == "applied"
    before = roster(source)
    powerschool.plugins.delete(powerschool.plugin.number)
    powerschool.ready(package(guardians=False))
    keys = {"key": powerschool.client_id, "secret": powerschool.client_secret}
    source = sources.change(district.ada, source, source.settings | keys)

    lost = night(district, source)

    assert (lost.state, roster(source)) == ("failed", before)
    assert f"> {lost.message}\n" in IF_IT_SAYS_NO
    with pytest.raises(SourceError, match="Guardians came before"):
        sources.probe(district.ada, source)
    wanted = sources.change(district.ada, source, source.settings | {"guardians": "no"})
    assert night(district, wanted).state == "held", "whoever wants it so is asked once more"


def test_the_address_is_kept_as_it_is_asked_and_the_secret_beside_it(district: Grove, source: Source) -> None:
    typed = {"url": " PS.Maple.example/admin/ ", "key": "k", "secret": "s", "devices": "none"}
    sources.change(district.ada, source, typed)
    sources.change(district.ada, source, typed | {"secret": ""})

    kept = sources.shown(sources.get(district.ada, "our powerschool"))["settings"]

    assert (kept["url"], kept["secret"]) == ("https://ps.maple.example", "•••")


def test_a_network_that_is_none_is_a_complaint_and_not_a_crash(district: Grove, source: Source, settings: Any) -> None:
    settings.ALLOWED_NETWORKS = ["127.0.0.1", "10.0.0.0/99"]

    with pytest.raises(ConfigError) as caught:
        sources.probe(district.ada, source)

    assert set(caught.value.fields) == {"ROLLBOOK_ALLOWED_NETWORKS"}


def test_our_own_network_is_asked_only_where_the_installation_says_so(district: Grove, source: Source, settings: Any) -> None:
    settings.ALLOWED_NETWORKS = []

    with pytest.raises(ConfigError, match="https"):
        sources.probe(district.ada, source)
    guarded = {"url": source.settings["url"].replace("http:", "https:"), "key": "k", "secret": "s", "devices": "mix"}
    sources.change(district.ada, source, guarded)
    with pytest.raises(SourceError, match="leads into the network"):
        sources.probe(district.ada, sources.get(district.ada, source.name))


def test_the_devices_are_a_choice_of_three_that_somebody_has_to_make() -> None:
    form = setup_form("powerschool", set())({"url": "ps.example.org", "key": "k", "secret": "s", "devices": ""})

    assert [words for value, words in form.fields["devices"].choices if value] == [
        "Only Chromebooks",
        "No Chromebooks",
        "Mix of Chromebooks and non-Chromebooks",
    ]
    assert not form.is_valid()
    assert list(form.errors) == ["devices"]
