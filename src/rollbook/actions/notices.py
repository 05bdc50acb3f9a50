"""Sends the mails that runs have left, and tries again what could not be sent."""

from django.core.mail import EmailMultiAlternatives

from rollbook.store import notices


def send(run: int | None = None) -> tuple[int, int]:
    """Try every mail that is due, or those of one run; return how many were sent and how many were not."""
    sent = failed = 0
    for notice in notices.due(run):
        if not notices.take(notice):
            continue
        message = EmailMultiAlternatives(notice.subject, notice.text, to=[notice.to])
        message.attach_alternative(notice.html, "text/html")
        try:
            message.send()
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors, too; an address no mail can carry is a ValueError
            failed += 1
            notices.not_sent(notice, type(error).__name__)
        else:
            sent += 1
            notices.sent(notice)
    return sent, failed
