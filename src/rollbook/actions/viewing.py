"""View As: somebody sees Rollbook as another account does, changes nothing, and all of it is written down."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from rollbook.actions import own
from rollbook.actions.actor import Actor, of_account
from rollbook.actions.reach import covers
from rollbook.domain.errors import ConfigError, NotAllowed, NotFound
from rollbook.domain.rights import MEANINGS, Right
from rollbook.lib import clock
from rollbook.store import audit, desk
from rollbook.store.models import Account, Session

#: After this a view ends by itself.
LASTS = timedelta(hours=1)
REASON = 200


class NotAsThem(NotAllowed):
    """Somebody wants to do in another one's place what nobody may do there."""

    left_alone = "Nothing was shown or changed. It was written down."
    next_step = "Stop viewing first, then go on as yourself."


class NotThisAccount(NotAllowed):
    """This account is not one that may be viewed as."""

    left_alone = "You still see Rollbook as yourself."


def find(actor: Actor, number: int) -> Account:
    """Return an account that the actor may view as.

    Errors: NotFound for an account that is not there or not of the actor's schools; NotThisAccount.
    """
    actor.must(Right.VIEW_AS, at=actor.rights.get(Right.VIEW_AS))
    account: Account | None = Account.objects.select_related("district").filter(district_id=actor.district, pk=number).first()
    if account is None or not desk.is_only_at(account, actor.rights[Right.VIEW_AS]):
        raise NotFound(f"There is no account {number}")
    if why := _refusal(actor, account):
        raise NotThisAccount(why)
    return account


def among(actor: Actor, accounts: list[Account]) -> list[Account]:
    """Keep the accounts that the actor may view as. Needs: few of them, of the actor's district."""
    if not actor.may(Right.VIEW_AS):
        return []
    where = actor.rights[Right.VIEW_AS]
    return [each for each in accounts if desk.is_only_at(each, where) and not _refusal(actor, each)]


def begin(actor: Actor, number: int, reason: str, session: str) -> tuple[Account, datetime]:
    """Return the account to view as in the session with this key, and when that ends. Begins and refusals are in the audit log.

    Errors: as of `find`; ConfigError without a reason.
    """
    reason = " ".join(reason.split())[:REASON]
    try:
        account = find(actor, number)
    except NotThisAccount as error:
        audit.note(actor.district, actor.name, "view-as.refused", f"account {number}", concerns=number, why=str(error))
        raise
    if not reason:
        raise ConfigError(fields={"reason": "A reason is needed: it stands in the audit log"})
    until = clock.now() + LASTS
    with transaction.atomic():
        Session.objects.filter(key=session).update(viewed=account.pk, viewed_until=until)
        about, minute = f"account {account.pk}", until.isoformat(timespec="minutes")
        audit.note(actor.district, actor.name, "view-as.began", about, concerns=account.pk, reason=reason, until=minute)
    return account, until


def seen(viewer: Account, number: int, until: datetime) -> Account | None:
    """Return the account that is viewed as, or None if that may not go on: it is late, or a right or an account is gone."""
    if clock.now() >= until:
        return None
    try:
        return find(of_account(viewer), number)
    except (NotAllowed, NotFound):
        return None


def end(sessions: QuerySet[Session], how: str) -> None:
    """End the views in these sessions, and write down how: once, even where two end the same one."""
    for each in sessions.filter(viewed__isnull=False).select_related("account"):
        with transaction.atomic():
            view = Session.objects.filter(pk=each.pk, viewed=each.viewed, viewed_until=each.viewed_until)
            if view.update(viewed=None, viewed_until=None):
                about, by = f"account {each.viewed}", own.name_of(each.account)
                audit.note(each.account.district_id, by, "view-as.ended", about, concerns=each.viewed, how=how)


def end_late() -> None:
    """End the views whose time is over and that nobody has come back to."""
    end(Session.objects.filter(viewed_until__lte=clock.now()), "its time was over")


def refuse(viewer: Account, viewed: Account, method: str, page: str) -> NotAsThem:
    """Write down that something was tried that nobody may do in another one's place; return what to answer."""
    name = of_account(viewer).name
    audit.note(
        viewer.district_id, name, "view-as.refused", f"account {viewed.pk}", concerns=viewed.pk, page=page, method=method[:10]
    )
    what = "This page is not shown" if method in ("GET", "HEAD") else "Nothing can be changed"
    return NotAsThem(f"{what} while you see Rollbook as {viewed} does")


def _refusal(actor: Actor, account: Account) -> str:
    """Say why an account of one's own district and schools may not be viewed as; empty if it may."""
    if account.pk == actor.account or (actor.account is not None and _same_human(actor.account, account)):
        return "This account is your own"
    if account.state not in ("active", "pending"):
        return "This account is not active"
    for right, where in desk.given(account).items():
        if not covers(actor.rights.get(right, frozenset()), where):
            return f"This account has the right '{MEANINGS[right].title}' where you do not have it"
    return ""


def _same_human(number: int, account: Account) -> bool:
    own = Account.objects.get(pk=number)
    return (own.one is not None and own.one == account.one) or (own.person is not None and own.person == account.person)
