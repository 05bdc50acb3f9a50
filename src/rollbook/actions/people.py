"""What may be done to an account by somebody else: make it, edit it, open it, shut it, remove it."""

import re
from collections.abc import Iterable
from copy import copy

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from rollbook.actions import reach, signing
from rollbook.actions.actor import Actor
from rollbook.actions.reach import AccountStays
from rollbook.domain.errors import ConfigError, NotAllowed
from rollbook.domain.words import KINDS_OF_PEOPLE, PEOPLE_WORDS
from rollbook.store import account_states, audit, desk, usernames
from rollbook.store.models import Account, Child

LONGEST = 150
USERNAME = re.compile(rf"^\S{{1,{LONGEST}}}$")


def make(actor: Actor, kind: str, name: str, username: str, email: str, children: Iterable[int] = ()) -> Account:
    """Make an account by hand: active, without a password, and untouched by every import. Raises ConfigError.

    Somebody with the right at some schools makes only guardians of students there: another account would be nowhere.
    """
    where = reach.schools(actor)
    if where is not None and kind != "guardian":
        raise NotAllowed("With the right 'Accounts' at some schools you can make accounts of parents and guardians only")
    wrong: dict[str, str] = {}
    if kind not in KINDS_OF_PEOPLE:
        wrong["kind"] = f"is one of {', '.join(KINDS_OF_PEOPLE)}"
    account = Account(district_id=actor.district, kind=kind, state="active", by_hand=True)
    account.set_unusable_password()
    students = list(children)
    with transaction.atomic():
        usernames.hold(actor.district)
        wrong |= _fill(account, name, username, email) | _children_are_wrong(actor, kind, students)
        if wrong:
            raise ConfigError(fields=wrong)
        account.save(force_insert=True)
        _set_children(account, students)
        audit.note(actor.district, actor.name, "account.made", about(account), concerns=account.pk, kind=kind)
    return account


def edit(actor: Actor, account: Account, name: str, username: str, email: str, children: Iterable[int] = ()) -> Account:
    """Change an account that was made by hand. Raises ConfigError, NotAllowed; AccountStays for one that a source made."""
    with transaction.atomic():
        usernames.hold(actor.district)
        account = _locked(actor, account)
        if not account.by_hand:
            raise AccountStays("This account follows the roster", next_step="Set a value by hand over the source's instead.")
        was = copy(account)
        wrong = _fill(account, name, username, email)
        students, had = list(children), {child.pk for child in desk.children_of(account)}
        if account.kind == "guardian" and set(students) != had:
            wrong |= _children_are_wrong(actor, account.kind, students, had)
        if wrong:
            raise ConfigError(fields=wrong)
        changed = [field for field in ("name", "username", "email") if getattr(was, field) != getattr(account, field)]
        if "username" in changed:
            usernames.remember(was)
        if "email" in changed:
            account.email_verified_at = None  # nobody has shown yet that the new one is theirs
        account.save(update_fields=["name", "username", "email", "email_verified_at"])
        if account.kind == "guardian" and set(students) != had:
            changed.append("children")
            _set_children(account, students)
        if changed:
            audit.note(actor.district, actor.name, "account.changed", about(account), concerns=account.pk, fields=changed)
    return account


def activate(actor: Actor, account: Account) -> None:
    """Let somebody sign in whose account an import made. Raises AccountStays."""
    _move(actor, account, "pending", "active", "account.activated")


def reactivate(actor: Actor, account: Account) -> None:
    """Let somebody sign in again. Raises AccountStays, also where the source says that this person has left."""
    person = desk.person_of(account)
    if not account.by_hand and person is not None and not desk.has_seat(account, person):
        kind = PEOPLE_WORDS[account.kind][0]
        said = f"{person.source.name} says that this person has left, may not sign in, or is no {kind} any more"
        raise AccountStays(said, next_step="Mend it there: with the next import the account comes back as it was.")
    _move(actor, account, "inactive", "active", "account.reactivated")


def deactivate(actor: Actor, account: Account) -> None:
    """Let somebody not sign in any more, from this moment on. Everything else stays. Raises AccountStays."""
    if actor.account == account.pk:
        raise AccountStays("This is your own account", next_step="Another administrator can deactivate it.")
    with transaction.atomic():
        account_states.hold_rights(actor.district)
        account = _locked(actor, account)
        if account.state == "inactive":
            raise AccountStays("This account is inactive by now")
        _move(actor, account, account.state, "inactive", "account.deactivated")
        keep_one(actor)


def unlock(actor: Actor, account: Account) -> None:
    """Let somebody try again who was shut out after too many wrong passwords."""
    with transaction.atomic():
        account = _locked(actor, account)
        signing.unlock(account)
        audit.note(actor.district, actor.name, "account.unlocked", about(account), concerns=account.pk)


def delete(actor: Actor, account: Account) -> None:
    """Remove an account that never was of use. Raises AccountStays, with what speaks against it."""
    with transaction.atomic():
        account_states.hold_rights(actor.district)
        account = _locked(actor, account)
        if reason := not_deletable(actor, account):
            raise AccountStays(reason, next_step="Deactivate it: nobody can sign in then, and its history stays.")
        number, kind = account.pk, account.kind
        usernames.remember(account)
        account.delete()
        keep_one(actor)
        audit.note(actor.district, actor.name, "account.deleted", f"account {number}", concerns=number, kind=kind)


def not_deletable(actor: Actor, account: Account) -> str:
    """Say why an account cannot be removed; nothing where it can."""
    person = desk.person_of(account)
    if actor.account == account.pk:
        return "This is your own account"
    if account.last_login is not None:
        return "Somebody has signed in with this account"
    if person is not None and desk.was_enrolled(person):
        return "This person has, or had, a place in a class"
    if person is not None and not account.by_hand and person.status == "active":
        return "This account follows the roster: the next import would make it again"
    return ""


def keep_one(actor: Actor) -> None:
    """Raise AccountStays where nobody could give rights any more. Needs: `hold_rights` before, in the same transaction."""
    if not account_states.somebody_gives_rights(actor.district):
        raise AccountStays(
            "This is the last active account that can give rights in your district",
            next_step="Give another account the right 'Rights' first.",
        )


def about(account: Account) -> str:
    """Call an account what the audit log calls it: by its number, without a name."""
    return f"account {account.pk}"


def checked_email(text: str) -> tuple[str, str]:
    """Return an email in lower case, and what is wrong with it."""
    email = text.strip().lower()
    try:
        if email:
            validate_email(email)
    except ValidationError:
        return email, f"“{email[:100]}” is not an email address"
    return email, "" if len(email) <= 254 else "is too long"


def email_is_taken(account: Account, email: str) -> str:
    """Say that an email belongs to another account of the same kind: one human has one of each kind."""
    same = Account.objects.filter(district_id=account.district_id, email=email, kind=account.kind).exclude(pk=account.pk)
    return f"belongs to another {PEOPLE_WORDS[account.kind][0]}'s account already" if email and same.exists() else ""


def username_is_wrong(account: Account, username: str) -> str:
    """Say why an account cannot have a username: somebody else has or had it, or signs in with an email that reads the same."""
    if not USERNAME.match(username):
        return f"has at most {LONGEST} letters and no spaces"
    others = Account.objects.filter(district_id=account.district_id, email=username).exclude(pk=account.pk)
    taken = username != account.email and others.exists()
    return "is taken" if taken or not usernames.free(account.district_id, username, account.pk) else ""


def _locked(actor: Actor, account: Account) -> Account:
    reach.must_change(actor, account)
    return reach.get_again(actor, account)


def _move(actor: Actor, account: Account, before: str, after: str, act: str) -> None:
    with transaction.atomic():
        account = _locked(actor, account)
        if not account_states.move(account, before=before, after=after):
            raise AccountStays(f"This account is {account.state} by now")
        audit.note(actor.district, actor.name, act, about(account), concerns=account.pk)


def _fill(account: Account, name: str, username: str, email: str) -> dict[str, str]:
    """Put what was typed into an account, and say what is wrong with it, by field."""
    wrong: dict[str, str] = {}
    account.name = " ".join(name.split())
    account.username = username.strip().lower() or None
    account.email, complaint = checked_email(email)
    if complaint := complaint or email_is_taken(account, account.email):
        wrong["email"] = complaint
    if not account.name:
        wrong["name"] = "is needed"
    elif len(account.name) > LONGEST:
        wrong["name"] = f"has at most {LONGEST} letters"
    if account.username is None and not account.email:
        wrong["username"] = "is needed, or else an email: with one of them people sign in"
    elif account.username is not None and (complaint := username_is_wrong(account, account.username)):
        wrong["username"] = complaint
    return wrong


def _children_are_wrong(actor: Actor, kind: str, students: list[int], had: Iterable[int] = ()) -> dict[str, str]:
    """Say what is wrong with the students that were chosen for a guardian; those whom the guardian has may stay."""
    if kind != "guardian":
        return {"children": "are for parents and guardians only"} if students else {}
    if not students:
        return {"children": "are needed: a parent or guardian sees nothing without one"}
    fresh = set(students) - set(had)
    known = set(desk.students(actor.district, reach.schools(actor)).filter(pk__in=fresh).values_list("pk", flat=True))
    return {} if known == fresh else {"children": "are not all students whom you can choose; look for them again"}


def _set_children(guardian: Account, students: Iterable[int]) -> None:
    Child.objects.filter(guardian=guardian).delete()
    rows = [Child(district_id=guardian.district_id, guardian=guardian, student=each) for each in sorted(set(students))]
    Child.objects.bulk_create(rows)
