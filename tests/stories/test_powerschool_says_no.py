"""The fear that PowerSchool fails in a way nobody has seen: every switch of the simulator, and the page that explains each."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest

from rollbook.actions import runs
from rollbook.connectors.powerschool.plugin import package
from rollbook.domain.errors import SourceError
from rollbook.lib import http
from rollbook.sandbox.powerschool.faults import FAULTS
from rollbook.sandbox.powerschool.server import PowerSchool
from rollbook.store.models import Run, Source
from tests.district import Clock, Grove
from tests.house.files import ROOT
from tests.stories.test_powerschool import roster

PAGE = (ROOT / "docs/howto/if-powerschool-says-no.md").read_text(encoding="utf-8")
#: The switches that bring a sentence, beside it.
SAID = {switch: said for said, each in re.findall(r"^> (.+?) <!-- (.+) -->$", PAGE, re.MULTILINE) for switch in each.split()}
CURED = frozenset(re.findall(r"^- .+? <!-- (\S+) -->$", PAGE, re.MULTILINE))

CLASSES = "/ws/schema/query/org.rollbook.roster.core.sections"


@pytest.fixture
def powerschool(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[PowerSchool]:
    settings.ALLOWED_NETWORKS = ["127.0.0.1"]
    monkeypatch.setattr("rollbook.lib.clock.now", Clock(datetime(2026, 10, 14, 2, tzinfo=UTC)))
    with PowerSchool.of(50, day=date(2026, 10, 14)).ready(package(guardians=True)) as simulator:
        monkeypatch.setattr(http.Http, "_sleep", lambda self, seconds: simulator.clock.forward(seconds=seconds))
        # One after the other, so that a switch meets the same request each time.
        monkeypatch.setattr(http, "Limits", partial(http.Limits, apart=0.0, first_pause=0.0, at_once=1))
        yield simulator


def night(district: Grove, source: Source) -> Run:
    return runs.perform(runs.start(district.ada, source))


class Nights:
    """Nights on which something goes wrong when the classes are asked for, each forgotten before the next."""

    def __init__(self, district: Grove, source: Source, powerschool: PowerSchool) -> None:
        self.district, self.source, self.powerschool = district, source, powerschool
        assert night(district, source).state == "applied"
        self.calm = [each.path for each in powerschool.log]
        self.credentials = powerschool.client_id, powerschool.client_secret

    def one(self, switch: str) -> Run:
        there = self.powerschool
        name = "slow" if switch == "too-slow" else switch
        met = [path for path in self.calm if path.startswith(FAULTS[name].where)]
        there.slow_seconds = 0.5 if switch == "too-slow" else 0.01
        before = there.faults.hits[name]
        there.faults.on(name, after=met.index(CLASSES) if CLASSES in met else 0)
        try:
            run = night(self.district, self.source)
        finally:
            there.switch_off(name)
            there.plugin.client_id, there.plugin.client_secret = self.credentials
        assert there.faults.hits[name] > before or name == "star-refused", "a switch that nothing meets proves nothing"
        return run


def test_the_page_knows_every_switch() -> None:
    assert SAID.keys().isdisjoint(CURED)
    assert SAID.keys() | CURED == FAULTS.keys() | {"too-slow"}


@pytest.mark.once
def test_what_passes_by_itself_costs_no_night_and_no_row(district: Grove, source: Source, powerschool: PowerSchool) -> None:
    nights = Nights(district, source, powerschool)
    before = roster(source)

    for switch in sorted(CURED - {"row-inserted"}):
        run = nights.one(switch)

        assert (switch, run.state) == (switch, "applied"), run.message
        assert run.message == "Nothing had to be changed: the source and the roster agree."
    assert roster(source) == before
    assert nights.one("row-inserted").state == "applied"
    assert [len(rows) - len(before[name]) for name, rows in roster(source).items() if rows != before[name]] == [1]


@pytest.mark.once
def test_what_stays_changes_nothing_and_is_said_as_the_page_says_it(
    district: Grove, source: Source, powerschool: PowerSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = Nights(district, source, powerschool)
    before = roster(source)
    said = {}

    for switch in SAID:
        with monkeypatch.context() as only:
            if switch == "too-slow":
                only.setattr(http, "Limits", partial(http.Limits, read=0.1, tries=2))
            run = nights.one(switch)
        assert (switch, run.state, run.exit_code) == (switch, "failed", SourceError.exit_code)
        said[switch] = run.message.replace(powerschool.url.removeprefix("http://"), "ps.example.org")

    assert roster(source) == before
    assert said == SAID
    assert not [each for each in nights.credentials if each in str(said)]
