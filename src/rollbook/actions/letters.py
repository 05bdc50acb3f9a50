"""Mail to one account holder: it is laid aside at once and sent by the worker, so that no answer's time tells who gets one."""

from datetime import timedelta

from django.core.mail import EmailMessage
from django.db.models import F

from rollbook.lib import clock
from rollbook.store.models import Letter

#: How often a letter is tried before it is dropped: most have a link in them that holds for an hour.
TRIES, WAIT = 5, timedelta(minutes=1)


def post(to: str, subject: str, *paragraphs: str) -> None:
    """Lay a letter aside for the worker. Nothing happens where there is no address."""
    if to:
        Letter.objects.create(to=to, subject=subject, text="\n\n".join(paragraphs) + "\n", next_at=clock.now())


def send() -> int:
    """Send what waits; return how many letters went out. A letter that was sent is not kept."""
    sent = 0
    for letter in Letter.objects.filter(next_at__lte=clock.now()).order_by("pk")[:100]:
        later = clock.now() + WAIT * 2**letter.attempts
        mine = Letter.objects.filter(pk=letter.pk, attempts=letter.attempts)
        if not mine.update(attempts=F("attempts") + 1, next_at=later):
            continue  # another worker has it
        try:
            EmailMessage(letter.subject, letter.text, to=[letter.to]).send()
        except (OSError, ValueError):
            if letter.attempts + 1 >= TRIES:
                Letter.objects.filter(pk=letter.pk).delete()
        else:
            sent += 1
            Letter.objects.filter(pk=letter.pk).delete()
    return sent
