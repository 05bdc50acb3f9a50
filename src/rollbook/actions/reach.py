"""Which accounts somebody may look at, and which of them he may change."""

from collections.abc import Mapping

from django.db.models import QuerySet

from rollbook.actions.actor import Actor
from rollbook.domain.errors import Conflict, NotAllowed, NotFound
from rollbook.domain.rights import Right
from rollbook.store import desk
from rollbook.store.models import Account
from rollbook.store.scope import Where


class AccountStays(Conflict):
    """Something else has to happen before this can be done to an account."""

    left_alone = "The account is as it was."
    next_step = "Look at the account again, then decide."


def schools(actor: Actor) -> Where:
    """Return the schools whose accounts somebody works on; None is the whole district. Raises NotAllowed."""
    where = actor.rights.get(Right.ACCOUNTS, frozenset())
    if where is not None and not where:
        actor.must(Right.ACCOUNTS)
    return where


def seen(actor: Actor) -> QuerySet[Account]:
    """Return the accounts that somebody may look at.

    With the right at some schools: those of people there, and none that holds a right which one lacks.
    """
    where = schools(actor)
    rows = desk.accounts(actor.district, where)
    return rows if where is None else desk.with_no_more_than(rows, actor.district, actor.rights)


def get(actor: Actor, number: int) -> Account:
    """Return one account that somebody may look at. Raises NotFound, also for accounts of others."""
    account: Account | None = seen(actor).filter(pk=number).first()
    if account is None:
        raise NotFound("There is no such account")
    return account


def get_again(actor: Actor, account: Account) -> Account:
    """Return an account as it is at this moment, locked until the transaction ends. Raises NotFound."""
    again: Account | None = Account.objects.select_for_update(no_key=True).filter(pk=get(actor, account.pk).pk).first()
    if again is None:
        raise NotFound("There is no such account")
    return again


def against_change(actor: Actor, account: Account, person: int | None = None) -> str:
    """Say why somebody may not change an account that he may look at; nothing where he may.

    Whoever can put an email of their own on an account can ask for a new password and be that human. So nobody changes an
    account that has, or is linked to, rights which one lacks, nor one that shows more schools than one's own. With `person`,
    as if the account belonged to that person of the roster.
    """
    if not covers_human(actor, account, person):
        return "This account, or one linked to it, has rights that you do not have"
    where = schools(actor)
    if where is not None and not all(desk.is_only_at(each, where) for each in desk.one_human(account, person)):
        return "This account, or one linked to it, also belongs to schools at which you do not have the right 'Accounts'"
    return ""


def must_change(actor: Actor, account: Account, person: int | None = None) -> None:
    """Raise NotFound for an account that one may not look at, NotAllowed for one that one may not change."""
    get(actor, account.pk)
    if reason := against_change(actor, account, person):
        raise NotAllowed(reason)


def covers_human(actor: Actor, account: Account, person: int | None = None) -> bool:
    """Say whether somebody has all rights that the human has whose account this is."""
    return all_covered(actor.rights, desk.given_to_one_human(account, person)) and not desk.has_rights_elsewhere(account)


def all_covered(mine: Mapping[Right, Where], theirs: Mapping[Right, Where]) -> bool:
    """Say whether everything in `theirs` is in `mine`, in every place."""
    return all(covers(mine.get(right, frozenset()), where) for right, where in theirs.items())


def covers(mine: Where, theirs: Where) -> bool:
    """Say whether a right in one place holds in the other, too."""
    return mine is None or (theirs is not None and theirs <= mine)
