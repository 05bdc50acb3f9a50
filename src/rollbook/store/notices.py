"""The mails that runs have left: which are due, and what became of each."""

from datetime import timedelta

from django.db.models import Q

from rollbook.lib import clock
from rollbook.store.models import Notice

#: How often a mail is tried before it is given up, and how long after the first failure it is tried again.
TRIES, FIRST_WAIT = 8, timedelta(minutes=1)

#: So many mails are tried at a time.
AT_ONCE = 200


def due(run: int | None = None) -> list[Notice]:
    """Return the mails whose time has come, oldest first; with `run`, those of one run."""
    waiting = Notice.objects.filter(Q(next_at=None) | Q(next_at__lte=clock.now()), state="waiting").order_by("pk")
    return list((waiting if run is None else waiting.filter(run_id=run))[:AT_ONCE])


def take(notice: Notice) -> bool:
    """Take a mail to send it; False if another worker has it.

    Taken before it is sent: two workers never send the same one, and a killed worker leaves it to be tried again.
    """
    later = clock.now() + FIRST_WAIT * 2**notice.attempts
    free = Notice.objects.filter(pk=notice.pk, state="waiting", attempts=notice.attempts)
    return bool(free.update(attempts=notice.attempts + 1, next_at=later))


def sent(notice: Notice) -> None:
    """Write down that a mail went out."""
    Notice.objects.filter(pk=notice.pk, state="waiting").update(state="sent", sent_at=clock.now(), next_at=None, error="")


def not_sent(notice: Notice, error: str) -> None:
    """Write down why a mail did not go out; after the last try it is given up, and stays visible as failed."""
    state = "failed" if notice.attempts + 1 >= TRIES else "waiting"
    Notice.objects.filter(pk=notice.pk, state="waiting").update(state=state, error=error)
