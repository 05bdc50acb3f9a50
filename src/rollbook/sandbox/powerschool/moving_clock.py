"""The clock of a simulated PowerSchool: it goes as ours does, and tests may move it."""

from datetime import date, datetime, timedelta

from rollbook.lib import clock


class MovingClock:
    """What time it is there."""

    def __init__(self) -> None:
        #: How far it is ahead of ours.
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment."""
        return clock.now() + self.ahead

    def today(self) -> date:
        """Return the day."""
        return self.now().date()

    def forward(self, **by: float) -> None:
        """Move on, by what timedelta takes: `forward(days=31)`."""
        self.ahead += timedelta(**by)
