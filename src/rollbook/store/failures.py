"""Counts what did not succeed, so that several processes are patient together without another service."""

from datetime import datetime, timedelta

from rollbook.lib import clock
from rollbook.store.models import SignInFailure

#: What is older is forgotten, but for a rest that is still running.
MEMORY = timedelta(days=2)
FIRST_REST, LONGEST_REST = timedelta(minutes=15), timedelta(days=1)


def add(*keys: str) -> None:
    """Count one failure against each of these."""
    now = clock.now()
    SignInFailure.objects.bulk_create([SignInFailure(key=key, at=now) for key in keys])


def count(key: str, within: timedelta = MEMORY) -> int:
    """Return how many failures there were of late."""
    return SignInFailure.objects.filter(key=key, at__gt=clock.now() - within).count()


def take_back(key: str) -> None:
    """Count one less: the oldest turned out to be none."""
    oldest = SignInFailure.objects.filter(key=key).order_by("at", "pk").values_list("pk", flat=True)[:1]
    SignInFailure.objects.filter(pk__in=list(oldest)).delete()


def clear() -> None:
    """Forget what is too old to count."""
    SignInFailure.objects.filter(at__lt=clock.now() - MEMORY).delete()


def forget(*keys: str) -> None:
    """Begin to count anew."""
    SignInFailure.objects.filter(key__in=keys).delete()


def rest_after(failures: int, most: int) -> timedelta:
    """Return how long to wait after so many failures in a row: nothing at first, then a quarter of an hour, doubling to a day."""
    if failures < most:
        return timedelta()
    return min(FIRST_REST * (1 << min(failures - most, 10)), LONGEST_REST)


def rests_until(key: str, most: int) -> datetime | None:
    """Return until when nothing counted against this key is tried any more."""
    found = list(SignInFailure.objects.filter(key=key, at__gt=clock.now() - MEMORY).order_by("-at").values_list("at", flat=True))
    until = found[0] + rest_after(len(found), most) if found else None
    return until if until and until > clock.now() else None
