"""What time it is. Asked nowhere else, so that tests can stop it."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)
