"""Links in letters: each opens one thing, once, for an hour, for whoever reads the mail of that address."""

import hashlib
import secrets
from datetime import timedelta

from rollbook.domain.errors import NotFound
from rollbook.lib import clock
from rollbook.store.models import Account, MailedLink

HOLDS = timedelta(hours=1)


class LinkIsSpent(NotFound):
    """A link from a letter was used already, is too old, or never was one."""

    left_alone = "Nothing was changed."
    next_step = "Ask for a new one; the newest is the one that counts."


def make(account: Account, purpose: str) -> str:
    """Return the secret part of a new link. An older one for the same purpose is void."""
    clear = secrets.token_urlsafe(32)
    MailedLink.objects.filter(account=account, purpose=purpose).delete()
    MailedLink.objects.filter(until__lt=clock.now()).delete()
    MailedLink.objects.create(
        account=account, purpose=purpose, digest=_digest(clear), email=account.email, until=clock.now() + HOLDS
    )
    return clear


def look(clear: str, purpose: str) -> MailedLink:
    """Return what a link is for, without using it. Raises LinkIsSpent."""
    found = MailedLink.objects.select_related("account__district").filter(digest=_digest(clear), purpose=purpose).first()
    if found is None or found.until <= clock.now() or not found.account.is_active or found.account.email != found.email:
        raise LinkIsSpent("This link cannot be used any more")
    return found


def use(clear: str, purpose: str) -> MailedLink:
    """Use a link up, and return what it was for. Raises LinkIsSpent. Needs: a transaction, with what it was for."""
    found = look(clear, purpose)
    if not MailedLink.objects.filter(pk=found.pk).delete()[0]:
        raise LinkIsSpent("This link was used a moment ago")
    return found


def _digest(clear: str) -> str:
    return hashlib.sha256(clear.encode()).hexdigest()
