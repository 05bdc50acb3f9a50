"""When a source is due: local times, chosen weekdays, and the two nights on which the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollbook.actions.schedule import next_time

NEW_YORK = "America/New_York"


def at(text: str, zone: str = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("after", "times", "weekdays", "due"),
    [
        ("2026-11-17T01:59", ["02:00"], [], "2026-11-17T02:00"),
        ("2026-11-17T02:00", ["02:00"], [], "2026-11-18T02:00"),  # a time that is now has been
        ("2026-11-17T12:00", ["02:00", "13:30"], [], "2026-11-17T13:30"),
        ("2026-11-20T12:00", ["02:00"], [0, 1, 2, 3, 4], "2026-11-23T02:00"),  # Friday noon: Monday
        ("2026-11-18T02:00", ["02:00"], [2], "2026-11-25T02:00"),  # Wednesday only: a week
        ("2026-12-31T23:00", ["22:00"], [], "2027-01-01T22:00"),
        ("2028-02-28T03:00", ["02:00"], [], "2028-02-29T02:00"),
    ],
)
def test_the_next_time(after: str, times: list[str], weekdays: list[int], due: str) -> None:
    assert next_time(times, weekdays, NEW_YORK, after=at(after)) == at(due)


def test_without_times_nothing_is_ever_due() -> None:
    assert next_time([], [], NEW_YORK, after=at("2026-11-17T01:00")) is None


def walk(times: list[str], start: str, days: int, zone: str = NEW_YORK) -> list[datetime]:
    now, found = at(start, zone), []
    end = now + timedelta(days=days)
    while (now := next_time(times, [], zone, after=now)) and now <= end:  # type: ignore[assignment]
        found.append(now)
    return found


def test_a_time_that_the_clocks_skip_comes_once_an_hour_later() -> None:
    found = walk(["02:30"], "2027-03-13T12:00", 2)
    assert [each.astimezone(ZoneInfo(NEW_YORK)).strftime("%d %H:%M") for each in found] == ["14 03:30", "15 02:30"]


def test_a_time_that_the_clocks_repeat_comes_once() -> None:
    found = walk(["01:30"], "2026-10-31T12:00", 2)
    assert [each.astimezone(ZoneInfo(NEW_YORK)).strftime("%d %H:%M") for each in found] == ["01 01:30", "02 01:30"]
    assert found[1] - found[0] == timedelta(hours=25)


@given(
    st.lists(st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)), min_size=1, max_size=3, unique=True),
    st.sets(st.integers(0, 6)),
    st.sampled_from([NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "America/Phoenix", "UTC"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001
)
def test_the_next_time_is_later_and_never_skips_one(times: list[str], weekdays: set[int], zone: str, now: datetime) -> None:
    after = now.replace(tzinfo=UTC)
    due = next_time(times, sorted(weekdays), zone, after=after)
    assert due is not None and after < due <= after + timedelta(days=8, hours=2)
    middle = after + (due - after) / 2
    assert next_time(times, sorted(weekdays), zone, after=middle) == due
