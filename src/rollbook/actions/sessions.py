"""Sessions: where an account is signed in, and how that ends."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session as Kept
from django.db import transaction
from django.db.models import QuerySet

from rollbook.actions import own, reach, viewing
from rollbook.actions.actor import Actor, of_account
from rollbook.domain.errors import NotFound
from rollbook.lib import clock
from rollbook.store import audit
from rollbook.store.models import Account, Session

#: A session's "last seen" may be so much too old: not every page costs a write.
SEEN_EVERY = timedelta(minutes=5)
#: So long a session lasts, used or not: for those who have rights over others, and for everybody else.
#: Source: NIST SP 800-63B-4, a day at most where a second factor is needed and a month where none is.
WITH_RIGHTS, WITHOUT = timedelta(hours=12), timedelta(days=7)
#: So long it lasts unused, with rights; without, as long as Django keeps it (SESSION_COOKIE_AGE).
UNUSED = timedelta(hours=1)


def began(account: Account, key: str, agent: str, address: str) -> None:
    """Write down that somebody signed in."""
    now = clock.now()
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


def ended(key: str, how: str = "signed out") -> None:
    """Forget a session that its holder, or time, ended."""
    rows = Session.objects.filter(key=key)
    viewing.end(rows, how)
    rows.delete()


def is_over(started: datetime, seen: datetime, *, rights: bool) -> bool:
    """Say whether a session has lasted, or was left unused, for too long."""
    whole, unused = _lasts(rights=rights)
    return started <= clock.now() - whole or seen <= clock.now() - unused


def of(account: Account) -> list[Session]:
    """Return where an account is signed in, the latest first."""
    whole, unused = _lasts(rights=bool(of_account(account).rights))
    now = clock.now()
    rows = Session.objects.filter(account=account, started__gt=now - whole, seen__gt=now - unused - SEEN_EVERY)
    return list(rows.order_by("-seen", "-pk")[:100])


def clear() -> None:
    """Forget the sessions that have ended by themselves, Django's and ours."""
    Kept.objects.filter(expire_date__lt=clock.now()).delete()
    _, unused = _lasts(rights=False)
    Session.objects.filter(seen__lt=clock.now() - unused - SEEN_EVERY).delete()


@transaction.atomic
def end(account: Account, number: int) -> None:
    """End one of their own sessions. Raises NotFound, also for sessions of others."""
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
    """End all sessions of somebody else's account; return how many there were. Raises NotAllowed, NotFound."""
    reach.must_change(actor, account)
    count = _end(Session.objects.filter(account=account))
    audit.note(actor.district, actor.name, "session.ended", concerns=account.pk, all=count)
    return count


def _end(sessions: QuerySet[Session]) -> int:
    viewing.end(sessions, "the session was ended")
    found = list(sessions)
    Kept.objects.filter(session_key__in=[each.key for each in found]).delete()
    Session.objects.filter(pk__in=[each.pk for each in found]).delete()
    return len(found)


def _lasts(*, rights: bool) -> tuple[timedelta, timedelta]:
    """Return how long a session lasts at most, and how long unused."""
    return (WITH_RIGHTS, UNUSED) if rights else (WITHOUT, timedelta(seconds=settings.SESSION_COOKIE_AGE))
