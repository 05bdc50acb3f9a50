"""Joins an account that was made by hand to its person in the roster, so that it follows the source from then on."""

from dataclasses import dataclass

from django.db import transaction

from rollbook.actions import people, reach
from rollbook.actions.actor import Actor
from rollbook.actions.reach import AccountStays
from rollbook.domain.errors import NotFound
from rollbook.domain.words import PEOPLE_WORDS
from rollbook.pipeline.accounts import follow_person
from rollbook.store import audit, desk, usernames
from rollbook.store.models import Account, AccountRight, Child, Guardianship, Person
from rollbook.store.reads import put_overrides
from rollbook.store.scope import people_of


@dataclass(frozen=True)
class Adoption:
    """What would become of an account if it belonged to a person, or what speaks against it."""

    person: Person
    kinds: list[str]
    against: str  # nothing: it can be done
    replaced: Account | None = None  # an account that an import made for this person, and that would be removed
    changes: tuple[tuple[str, str, str], ...] = ()  # what, before, after


def candidates(actor: Actor, key: str) -> list[Person]:
    """Return the people with exactly this id at a source, or this number, whom somebody may choose."""
    return desk.people_called(actor.district, reach.schools(actor), key.strip()[:200])


def preview(actor: Actor, account: Account, number: int) -> Adoption:
    """Say what would become of an account if it belonged to this person. Raises NotFound.

    Shape: it is done, and taken back: so what is shown is what would be.
    """
    reach.get(actor, account.pk)
    found = _looked_at(actor, account, number)
    put_overrides(actor.district, "person", [found.person])
    if found.against:
        return found
    children = Child.objects.filter(guardian=account).count()
    with transaction.atomic():
        usernames.hold(actor.district)
        after = _join(account, found)
        transaction.set_rollback(True)
    pairs = [
        ("Name", account.name, after.name),
        ("Username", account.username or "", after.username or ""),
        ("Email", account.email, after.email),
    ]
    if children:
        links = Guardianship.objects.filter(
            district_id=actor.district, source_id=found.person.source_id, guardian=found.person.sourced_id, status="active"
        )
        pairs.append(("Children", f"{children} by hand", f"{links.count()} from {found.person.source.name}"))
    return Adoption(found.person, found.kinds, "", found.replaced, tuple(each for each in pairs if each[1] != each[2]))


def adopt(actor: Actor, account: Account, number: int) -> None:
    """Join an account to a person: from now on it follows the roster. Raises AccountStays, NotAllowed, NotFound."""
    with transaction.atomic():
        usernames.hold(actor.district)
        reach.must_change(actor, account, number)
        account = reach.get_again(actor, account)
        found = _looked_at(actor, account, number)
        if found.against:
            raise AccountStays(found.against, next_step="Choose another person, or leave the account as it is.")
        if (gone := found.replaced) is not None:
            mine = (actor.district, actor.name, "account.deleted", people.about(gone))
            audit.note(*mine, concerns=gone.pk, for_account=account.pk)
        _join(account, found)
        mine = (actor.district, actor.name, "account.adopted", people.about(account))
        audit.note(*mine, concerns=account.pk, source=found.person.source.name)


def _join(account: Account, found: Adoption) -> Account:
    if found.replaced is not None:
        Account.objects.filter(pk=found.replaced.pk).delete()
    usernames.remember(account)
    Child.objects.filter(guardian=account).delete()
    Account.objects.filter(pk=account.pk).update(person=found.person.pk, by_hand=False)
    follow_person(account.district_id, found.person.source_id, found.person.sourced_id)
    after: Account = Account.objects.get(pk=account.pk)
    return after


def _looked_at(actor: Actor, account: Account, number: int) -> Adoption:
    seen = people_of(actor.district, reach.schools(actor))
    person: Person | None = seen.select_related("source").filter(pk=number).first()
    if person is None:
        raise NotFound("There is no such person")
    kinds = desk.kinds_of(person)
    mine = {"district_id": actor.district, "person": person.pk, "kind": account.kind}
    other = Account.objects.filter(**mine).exclude(pk=account.pk).first()
    return Adoption(person, kinds, _against(actor, account, person, kinds, other), other)


def _against(actor: Actor, account: Account, person: Person, kinds: list[str], other: Account | None) -> str:
    if not account.by_hand or account.person is not None:
        return "This account belongs to a person of the roster already"
    if account.kind not in kinds and person.status == "active":
        now = " and ".join(PEOPLE_WORDS[kind][0] for kind in kinds) or "without a role"
        return f"This is the account of a {PEOPLE_WORDS[account.kind][0]}, and the person is {now}"
    if not desk.has_seat(account, person):
        return f"{person.source.name} says that this person has left, or may not sign in"
    if reason := reach.against_change(actor, account, person.pk):
        return reason
    if other is not None and (
        other.state != "pending" or other.last_login is not None or AccountRight.objects.filter(account=other).exists()
    ):
        return f"This person has a {PEOPLE_WORDS[account.kind][0]}'s account already, and it is in use"
    return ""
