"""The next day differs from the day before in what it promises, and in nothing else."""

from datetime import date

import polars as pl
import pytest

from rollbook.domain.errors import ConfigError, NotFound
from rollbook.sandbox.powerschool import district, tomorrow, truth
from rollbook.sandbox.powerschool.edge_cases import CASES, EMPTY
from rollbook.sandbox.powerschool.tables import TABLES

TODAY, NEXT = date(2026, 10, 14), date(2026, 10, 15)
RATE = 0.04
BEFORE = district.tables(2000, today=TODAY)
AFTER = tomorrow.step(BEFORE, rate=RATE, today=NEXT)
SHARE = 20


def both(table: str) -> pl.DataFrame:
    """The rows that stand on both days; columns of the second day end in _NEW."""
    key = TABLES[table].key
    return BEFORE[table].join(AFTER[table], on=key, suffix="_NEW")


def new(table: str) -> pl.DataFrame:
    return AFTER[table].join(BEFORE[table], on=TABLES[table].key, how="anti")


def differ(column: str) -> pl.Expr:
    return pl.col(column).ne_missing(pl.col(f"{column}_NEW"))


def test_nothing_is_ever_deleted() -> None:
    for table, frame in BEFORE.items():
        assert frame.join(AFTER[table], on=TABLES[table].key, how="anti").is_empty()


def test_leavers_are_marked_and_all_their_places_end() -> None:
    gone = both("STUDENTS").filter(differ("ENROLL_STATUS"))
    assert gone.height == SHARE
    assert set(gone["ENROLL_STATUS_NEW"]) == {2}
    assert set(gone["EXITDATE_NEW"]) == {NEXT.isoformat()}
    places = AFTER["CC"].filter(pl.col("STUDENTID").is_in(gone["ID"].implode()) & (pl.col("DATELEFT") > NEXT.isoformat()))
    assert places.filter(pl.col("SECTIONID") > 0).is_empty()
    assert places.filter(pl.col("DATELEFT") > pl.col("DATEENROLLED")).is_empty()


def test_newcomers_sit_in_sections_and_have_an_address() -> None:
    came = new("STUDENTS")
    assert came.height == SHARE
    assert set(came["ENTRYDATE"]) == {NEXT.isoformat()}
    places = new("CC").filter(pl.col("STUDENTID").is_in(came["ID"].implode()))
    assert places.group_by("STUDENTID").len()["len"].min() >= 8
    found = truth.roster(AFTER, NEXT).students.filter(pl.col("DCID").is_in(came["DCID"].implode()))
    assert found.height == SHARE
    assert found["EMAIL"].null_count() == 0
    addresses = AFTER["EMAILADDRESS"].filter(~pl.col("EMAILADDRESS").str.starts_with("family."))["EMAILADDRESS"]
    assert not addresses.is_duplicated().any(), "only a family shares an address"


def test_some_have_another_name_and_some_another_address() -> None:
    renamed = both("STUDENTS").filter(differ("LAST_NAME"))
    assert renamed.height == SHARE
    assert renamed.filter(pl.col("LASTFIRST_NEW") != pl.format("{}, {}", "LAST_NAME_NEW", "FIRST_NAME")).is_empty()
    persons = both("PERSON").filter(differ("LASTNAME"))
    assert set(persons["ID"]) == set(renamed["PERSON_ID"])
    assert SHARE * 0.8 <= both("EMAILADDRESS").filter(differ("EMAILADDRESS")).height <= SHARE


def test_a_section_that_is_handed_over_has_two_leads_one_after_the_other() -> None:
    ended = both("SECTIONTEACHER").filter(differ("END_DATE"))
    follows = new("SECTIONTEACHER")
    assert ended.height == follows.height > 0
    assert set(ended["END_DATE_NEW"]) == {TODAY.isoformat()}
    assert set(follows["START_DATE"]) == {NEXT.isoformat()}
    pairs = ended.join(follows, on="SECTIONID", suffix="_NEXT")
    assert pairs.filter(pl.col("TEACHERID") == pl.col("TEACHERID_NEXT")).is_empty()
    now = AFTER["SECTIONS"].join(follows, left_on="ID", right_on="SECTIONID")
    assert now.filter(pl.col("TEACHER") != pl.col("TEACHERID")).is_empty()


def test_of_those_who_stay_some_drop_a_section_and_some_take_it_up_again() -> None:
    gone = both("STUDENTS").filter(differ("ENROLL_STATUS"))["ID"].implode()
    dropped = both("CC").filter(differ("SECTIONID") & ~pl.col("STUDENTID").is_in(gone))
    assert dropped.height > 100
    assert dropped.filter(
        (pl.col("SECTIONID_NEW") != -pl.col("SECTIONID")) | (pl.col("TERMID_NEW") != -pl.col("TERMID"))
    ).is_empty()
    again = dropped.join(new("CC"), on=["STUDENTID", "SECTIONID"], suffix="_AGAIN")
    assert dropped.height // 2 - 5 <= again.height <= dropped.height // 2 + 5
    assert set(again["DATEENROLLED_AGAIN"]) == {NEXT.isoformat()}


def test_the_cases_stay_as_they_were() -> None:
    for case in CASES.values():
        for table, ids in case.ids.items():
            here = pl.col(TABLES[table].key).is_in(ids)
            assert BEFORE[table].filter(here).equals(AFTER[table].filter(here)), case.name


def test_the_same_seed_gives_the_same_day_and_another_day_other_people() -> None:
    again = tomorrow.step(BEFORE, rate=RATE, today=NEXT)
    assert all(frame.equals(again[name]) for name, frame in AFTER.items())
    assert not tomorrow.step(BEFORE, rate=RATE, today=date(2026, 10, 16))["STUDENTS"].equals(AFTER["STUDENTS"])


def test_a_quiet_night_changes_nothing() -> None:
    assert all(frame.equals(BEFORE[name]) for name, frame in tomorrow.step(BEFORE, rate=0, today=NEXT).items())
    with pytest.raises(ConfigError):
        tomorrow.step(BEFORE, rate=1.5, today=NEXT)


def test_half_a_school_leaves_and_no_other_school_notices() -> None:
    after = tomorrow.half_a_school_leaves(BEFORE, 501, today=NEXT)
    then, now = truth.roster(BEFORE, NEXT).students, truth.roster(after, NEXT).students
    gone = then.join(now, on="DCID", how="anti")
    assert set(gone["SCHOOLID"]) == {501}
    assert 0.4 < gone.height / then.filter(pl.col("SCHOOLID") == 501).height <= 0.5


def test_nobody_leaves_an_empty_school() -> None:
    with pytest.raises(NotFound, match="No active student"):
        tomorrow.half_a_school_leaves(BEFORE, EMPTY, today=NEXT)
