"""Accounts of one human: linked where it is known that they are, chosen at the door, changed at will."""

import secrets

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from rollbook.actions import factors, letters, links, own
from rollbook.domain.errors import NotAllowed, NotFound
from rollbook.lib import clock
from rollbook.store import accounts, audit, failures
from rollbook.store.models import Account

#: So many letters an hour may one account have sent to itself.
LETTERS = 3


def group(account: Account) -> QuerySet[Account]:
    """Return the active accounts of the human that this account is of, itself among them."""
    return accounts.of_one_human(account).select_related("district").filter(state="active").order_by("pk")


def others(account: Account) -> list[Account]:
    """Return the other active accounts of the same human."""
    return list(group(account).exclude(pk=account.pk)[:20])


def ask_for_link(account: Account) -> None:
    """Mail the account a link by which it can be linked with others of the same email. Whether there are any is not said here."""
    key = f"linking {account.pk}"
    if account.email and failures.count(key, links.HOLDS) < LETTERS:
        with transaction.atomic():
            failures.add(key)
            letters.post(
                account.email,
                "Link your Rollbook accounts",
                f"Somebody, probably you, wants to link the {account.kind} account in {account.district.name} with others that "
                "have this email, so that one sign-in leads to all of them.",
                f"Look at them here, within an hour, in the browser in which you are signed in: "
                f"{settings.PUBLIC_URL}/me/accounts/link/{links.make(account, 'link')}/",
                "If that was not you, there is nothing to do: nothing is linked unless this link is used.",
            )


def proposed(account: Account, clear: str) -> tuple[list[Account], list[Account]]:
    """Return the other accounts with the email at which the letter was read: those that have proved it themselves, and the rest.

    Only the first are linked. An email that was merely typed into an account would otherwise let whoever knows the password of
    that one into this one. Raises LinkIsSpent, also for accounts that did not ask for the letter.
    """
    link = links.look(clear, "link")
    if link.account_id != account.pk:
        raise links.LinkIsSpent("This link is for another account than the one that you are signed in with")
    mine = set(group(account).values_list("pk", flat=True))
    same = Account.objects.select_related("district").filter(email=link.email, state="active").exclude(pk__in=mine)
    found = list(same.order_by("pk")[:20])
    return [each for each in found if each.email_verified_at], [each for each in found if not each.email_verified_at]


@transaction.atomic
def link(account: Account, clear: str) -> int:
    """Note that the account's email is proved, and link it with those that have proved the same one; return how many.

    Errors: LinkIsSpent.
    """
    found, _ = proposed(account, clear)
    links.use(clear, "link")
    Account.objects.filter(pk=account.pk).update(email_verified_at=clock.now())
    own.note(account, "email.verified")
    if found:
        members = {each.pk: each for each in (*group(account), *(every for new in found for every in group(new)))}
        Account.objects.filter(pk__in=members).update(one=secrets.randbits(62))
        for each in members.values():
            audit.note(each.district_id, own.name_of(account), "account.linked", concerns=each.pk)
    return len(found)


@transaction.atomic
def unlink(account: Account, number: int) -> None:
    """Take one account out of their own group. Raises NotFound."""
    found = next((each for each in group(account) if each.pk == number), None)
    if found is None:
        raise NotFound("There is no such account among yours")
    Account.objects.filter(pk=found.pk).update(one=secrets.randbits(62))
    audit.note(found.district_id, own.name_of(account), "account.unlinked", concerns=found.pk)


def switch(account: Account, number: int) -> Account:
    """Return the other account to go on as. Raises NotFound, and NotAllowed where that one asks for more than it has.

    An account that holds rights and has no second factor yet is entered by its own password alone: otherwise the password of
    one account could be used to give another its first second factor.
    """
    found = next((each for each in others(account) if each.pk == number), None)
    if found is None:
        raise NotFound("There is no such account among yours")
    if factors.demanded(found) and not factors.of(found):
        raise NotAllowed(
            "That account holds rights and has no second factor yet",
            next_step="Sign in to it with its own password, and set one up.",
        )
    audit.note(found.district_id, own.name_of(account), "account.switched", f"account {account.pk}", concerns=found.pk)
    return found
