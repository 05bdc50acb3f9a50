"""When a source is due: local times on chosen weekdays, through the changes of the clocks."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def next_time(times: Sequence[str], weekdays: Sequence[int], zone: str, *, after: datetime) -> datetime | None:
    """Return the next moment, in UTC, or None where no time is set.

    Units: `times` are local, "02:00"; `weekdays` count from Monday, 0; none means every day. A time that the clocks skip in
        spring is moved forward by as much as they skip; one that they repeat in autumn counts the first time only.
    """
    if not times:
        return None
    local = ZoneInfo(zone)
    today = after.astimezone(local).date()
    moments = (
        moment(today + timedelta(days=ahead), text, local)
        for ahead in range(-1, 9)
        if not weekdays or (today + timedelta(days=ahead)).weekday() in weekdays
        for text in times
    )
    return min((each for each in moments if each > after), default=None)


def moment(day: date, text: str, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, at which the clocks of a zone show a time on a day."""
    hour, minute = (int(part) for part in text.split(":"))
    return datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
