"""Gives rights to accounts and takes them away, and never lets the last one go who can."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from rollbook.actions import people
from rollbook.actions.actor import Actor, of_account
from rollbook.actions.reach import AccountStays, covers
from rollbook.domain.errors import NotAllowed, NotFound
from rollbook.domain.rights import MEANINGS, Right
from rollbook.store import account_states, audit, desk
from rollbook.store.models import Account, AccountRight
from rollbook.store.scope import Where

#: Whose accounts can have rights. A student's or parent's sign-in is not guarded as an employee's is.
KINDS = ("staff", "teacher")


def get(actor: Actor, number: int) -> Account:
    """Return an account of the district, to give it rights. Raises NotFound."""
    actor.must(Right.RIGHTS)
    account: Account | None = Account.objects.select_related("district").filter(district_id=actor.district, pk=number).first()
    if account is None:
        raise NotFound("There is no such account")
    return account


def can_have_any(account: Account) -> bool:
    """Say whether this kind of account can have rights."""
    return account.kind in KINDS


def change(actor: Actor, account: Account, wanted: Mapping[Right, Where]) -> None:
    """Give an account exactly these rights, and take all others away.

    Errors: NotAllowed for a right that one lacks, be it to give or to take; AccountStays where nobody could give rights any
    more, or where this kind of account can have none.
    """
    with transaction.atomic():
        account_states.hold_rights(actor.district)
        # Somebody may have taken these rights away while this waited.
        actor = actor if actor.account is None else of_account(Account.objects.get(pk=actor.account))
        account = get(actor, account.pk)
        now = desk.given(account)
        for right in Right:
            before, after = now.get(right, frozenset()), wanted.get(right, frozenset())
            if before != after:
                _change_one(actor, account, right, before, after)
        people.keep_one(actor)


def _change_one(actor: Actor, account: Account, right: Right, before: Where, after: Where) -> None:
    mine, title = actor.rights.get(right, frozenset()), MEANINGS[right].title
    if not (covers(mine, before) and covers(mine, after)):
        raise NotAllowed(f"You do not have the right '{title}' yourself, so you can neither give nor take it")
    if after is None or after:
        _check(account, right, after)
    AccountRight.objects.filter(account=account, right=right).delete()
    places = [0] if after is None else sorted(after)
    AccountRight.objects.bulk_create(
        AccountRight(district_id=account.district_id, account=account, right=right, school=place) for place in places
    )
    gone, act = (after is not None and not after), ("rights.given" if covers(after, before) else "rights.taken")
    was, now = _spoken(account, before), _spoken(account, after)
    detail: dict[str, Any] = {"right": right.value} | ({} if gone else {"now": now}) | {"before": was}
    audit.note(actor.district, actor.name, act, people.about(account), concerns=account.pk, **detail)


def _check(account: Account, right: Right, after: Where) -> None:
    if not can_have_any(account):
        raise AccountStays(
            "Only accounts of staff and teachers can have rights",
            next_step="Make an account of the kind Staff for this person, and give rights to that one.",
        )
    if after is None:
        return
    if not MEANINGS[right].at_schools:
        raise AccountStays(
            f"The right '{MEANINGS[right].title}' holds in the whole district or not at all",
            next_step="Give it for the whole district, or leave it.",
        )
    if len(desk.schools(account.district_id, after)) != len(after):
        raise NotFound("One of these schools is not there")


def _spoken(account: Account, where: Where) -> str | list[str]:
    """Name the places of a right, with their numbers: two schools may be called the same."""
    if where is None:
        return "whole district"
    named = {school.pk: school.name or school.sourced_id for school in desk.schools(account.district_id, where)}
    return [f"{named.get(each, 'a school that is gone')} (school {each})" for each in sorted(where)]
