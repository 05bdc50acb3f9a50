"""Sets a value by hand over what a source says of a person, and gives it back to the source."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from rollbook.actions import people, reach
from rollbook.actions.actor import Actor
from rollbook.actions.reach import AccountStays
from rollbook.domain.errors import ConfigError
from rollbook.lib import clock
from rollbook.pipeline.accounts import follow_person
from rollbook.store import audit, desk, usernames
from rollbook.store.models import Account, Override, Person
from rollbook.store.overrides import USERNAME

#: What can be set by hand over a source, for all accounts of a person; the username besides, for one account.
FIELDS = ("given_name", "family_name", "email")


def values(account: Account, person: Person) -> dict[str, str]:
    """Return what holds now: what was set by hand, else what the source says, and the username of the account."""
    by_hand = desk.overrides_of(person)
    said = {field: getattr(person, field) for field in FIELDS}
    found = {field: (by_hand[field].value if field in by_hand else said[field]) or "" for field in FIELDS}
    return found | {USERNAME: account.username or ""}


def change(actor: Actor, account: Account, wanted: Mapping[str, str]) -> list[str]:
    """Set what differs from what holds now by hand; return the names of these fields.

    What is typed as the source says it goes back to the source. All accounts of the person that follow the roster change with it,
    but a username is that of this account.
    Errors: ConfigError with every complaint at once, NotAllowed.
    """
    with transaction.atomic():
        account, person = _locked(actor, account)
        now = values(account, person)
        typed = {field: " ".join(wanted[field].split()) for field in (*FIELDS, USERNAME) if field in wanted}
        if wrong := _wrong(account, typed, now):
            raise ConfigError(fields=wrong)
        typed = {field: value.lower() if field in ("email", USERNAME) else value for field, value in typed.items()}
        changed = [field for field, value in typed.items() if not _same(field, value, now[field])]
        for field in changed:
            if field != USERNAME and _same(field, typed[field], getattr(person, field) or ""):
                _give_back(actor, account, person, field)
                continue
            made: dict[str, Any] = {"value": typed[field] or None, "by": actor.name, "at": clock.now()}
            Override.objects.update_or_create(**_key(account, person, field), defaults=made)
            audit.note(actor.district, actor.name, "override.set", people.about(account), concerns=account.pk, field=field)
        if USERNAME in changed:
            usernames.remember(account)
            Account.objects.filter(pk=account.pk).update(username=typed[USERNAME], wanted=None)
        _follow(person)
    return changed


def give_back(actor: Actor, account: Account, field: str) -> None:
    """Let a field be what the source says again. Raises AccountStays where nothing was set by hand."""
    with transaction.atomic():
        account, person = _locked(actor, account)
        if not Override.objects.filter(**_key(account, person, field)).exists():
            raise AccountStays("This field is what the source says already")
        _give_back(actor, account, person, field)
        if field == USERNAME:
            usernames.remember(account)
        _follow(person, account.pk if field == USERNAME else None)


def _locked(actor: Actor, account: Account) -> tuple[Account, Person]:
    usernames.hold(actor.district)
    reach.must_change(actor, account)
    account = reach.get_again(actor, account)
    person = desk.person_of(account)
    if account.by_hand or person is None:
        raise AccountStays("This account was made by hand, and follows no source", next_step="Edit it as it is.")
    return account, person


def _wrong(account: Account, typed: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    wrong = {
        field: "is needed" if not typed[field] else f"has at most {people.LONGEST} letters"
        for field in ("given_name", "family_name")
        if field in typed and (not typed[field] or len(typed[field]) > people.LONGEST)
    }
    username = typed.get(USERNAME, now[USERNAME]).lower()
    if username != now[USERNAME]:
        if not username:
            wrong[USERNAME] = "is needed; on the account’s page it can be given back to the rule"
        elif said := people.username_is_wrong(account, username):
            wrong[USERNAME] = said
    email, complaint = people.checked_email(typed.get("email", ""))
    if not complaint and not _same("email", email, now["email"]):
        others = Account.objects.filter(district_id=account.district_id, email=email).exclude(person=account.person)
        taken = others.filter(kind=account.kind).exists()
        complaint = people.email_is_taken(account, email) if taken else ""
    return wrong | ({"email": complaint} if complaint else {})


def _same(field: str, one: str, other: str) -> bool:
    return one.lower() == other.lower() if field == "email" else one == other


def _give_back(actor: Actor, account: Account, person: Person, field: str) -> None:
    Override.objects.filter(**_key(account, person, field)).delete()
    audit.note(actor.district, actor.name, "override.given-back", people.about(account), concerns=account.pk, field=field)


def _key(account: Account, person: Person, field: str) -> dict[str, Any]:
    entity, row = ("account", account.pk) if field == USERNAME else ("person", person.pk)
    return {"district_id": account.district_id, "entity": entity, "row": row, "field": field}


def _follow(person: Person, anew: int | None = None) -> None:
    """Write what holds now into the accounts of a person that follow the roster, by the same code as an import."""
    follow_person(person.district_id, person.source_id, person.sourced_id, anew)
