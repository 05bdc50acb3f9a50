"""Sessions: where an account is signed in, and how that ends."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session as Kept
from django.db import transaction

from rollbook.actions import own
from rollbook.actions.actor import Actor, of_account
from rollbook.domain.errors import NotAllowed, NotFound
from rollbook.domain.rights import MEANINGS, Right
from rollbook.lib import clock
from rollbook.store import audit, scope
from rollbook.store.models import Account, Session

#: A session's "last seen" may be so much too old: not every page costs a write.
SEEN_EVERY = timedelta(minutes=5)


def began(account: Account, key: str, agent: str, address: str) -> None:
    """Write down that somebody signed in."""
    now = clock.now()
    Session.objects.filter(account=account, seen__lt=now - _idle()).delete()
    Session.objects.update_or_create(
        key=key, defaults={"account": account, "started": now, "seen": now, "agent": agent[:300], "address": address}
    )
    own.note(account, "session.began", address=address)


def seen(key: str) -> None:
    """Write down that a session is in use."""
    Session.objects.filter(key=key).update(seen=clock.now())


def renamed(old: str, new: str) -> None:
    """Follow a session whose key was changed."""
    Session.objects.filter(key=old).update(key=new)


def ended(key: str) -> None:
    """Forget a session that its holder ended."""
    Session.objects.filter(key=key).delete()


def of(account: Account) -> list[Session]:
    """Return where an account is signed in, the latest first."""
    return list(Session.objects.filter(account=account, seen__gt=clock.now() - _idle()).order_by("-seen", "-pk")[:100])


@transaction.atomic
def end(account: Account, number: int) -> None:
    """End one of the own sessions. Raises NotFound, also for sessions of others."""
    if not _end(Session.objects.filter(account=account, pk=number)):
        raise NotFound("There is no such session; it may have ended by itself")
    own.note(account, "session.ended")


@transaction.atomic
def end_others(account: Account, key: str) -> int:
    """End all own sessions but the one with this key; return how many there were."""
    count = _end(Session.objects.filter(account=account).exclude(key=key))
    if count:
        own.note(account, "session.ended", others=count)
    return count


@transaction.atomic
def end_all(actor: Actor, account: Account) -> int:
    """End all sessions of somebody else's account; return how many there were. Raises NotAllowed."""
    may_touch(actor, account)
    count = _end(Session.objects.filter(account=account))
    audit.note(actor.district, actor.name, "session.ended", concerns=account.pk, all=count)
    return count


def may_touch(actor: Actor, account: Account) -> None:
    """Return if the actor may look after this account. Raises NotFound for other districts, NotAllowed.

    An account with rights that the actor lacks is out of reach: whoever could open it would have these rights, too.
    """
    if account.district_id != actor.district:
        raise NotFound("There is no such account")
    where = actor.rights.get(Right.ACCOUNTS, frozenset())
    if where is not None and not (where and scope.only_there(account, where)):
        raise NotAllowed(f"You do not have the right '{MEANINGS[Right.ACCOUNTS].title}' for this account")
    for right, where in of_account(account).rights.items():
        held = actor.rights.get(right, frozenset())
        if held is not None and (where is None or not where <= held):
            raise NotAllowed("This account holds rights that you do not have")


def _end(sessions: Iterable[Session]) -> int:
    found = list(sessions)
    Kept.objects.filter(session_key__in=[each.key for each in found]).delete()
    Session.objects.filter(pk__in=[each.pk for each in found]).delete()
    return len(found)


def _idle() -> timedelta:
    return timedelta(seconds=settings.SESSION_COOKIE_AGE) + SEEN_EVERY
