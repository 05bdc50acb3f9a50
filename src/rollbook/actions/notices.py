"""Sends the mails that runs have left, and tries again what could not be sent."""

from datetime import timedelta

from django.core.mail import EmailMultiAlternatives
from django.db.models import Q

from rollbook.lib import clock
from rollbook.store.models import Notice

#: How often a mail is tried before it is given up, and how long after the first failure it is tried again.
TRIES, FIRST_WAIT = 8, timedelta(minutes=1)


def send(run: int | None = None) -> tuple[int, int]:
    """Try every mail that is due, or those of one run; return how many were sent and how many were not."""
    now = clock.now()
    waiting = Notice.objects.filter(Q(next_at=None) | Q(next_at__lte=now), state="waiting").order_by("pk")
    if run is not None:
        waiting = waiting.filter(run_id=run)
    sent = failed = 0
    for notice in waiting[:200]:
        # Taken before it is sent: two workers never send the same mail, and a killed one leaves it to be tried again.
        taken = Notice.objects.filter(pk=notice.pk, state="waiting", attempts=notice.attempts)
        if not taken.update(attempts=notice.attempts + 1, next_at=now + FIRST_WAIT * 2**notice.attempts):
            continue
        message = EmailMultiAlternatives(notice.subject, notice.text, to=[notice.to])
        message.attach_alternative(notice.html, "text/html")
        try:
            message.send()
        except OSError as error:  # smtplib's errors are OSErrors, too
            failed += 1
            given_up = notice.attempts + 1 >= TRIES
            Notice.objects.filter(pk=notice.pk, state="waiting").update(
                state="failed" if given_up else "waiting", error=type(error).__name__
            )
        else:
            sent += 1
            Notice.objects.filter(pk=notice.pk, state="waiting").update(state="sent", sent_at=clock.now(), next_at=None, error="")
    return sent, failed
