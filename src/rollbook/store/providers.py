"""Reads providers and the people whom they know."""

from collections.abc import Iterable
from datetime import timedelta

from rollbook.lib import clock
from rollbook.store.models import Account, AuditEntry, Identity, SignInProvider


def offered(district: int | None = None) -> list[SignInProvider]:
    """Return the providers that people may sign in by, of one district or of all."""
    rows = SignInProvider.objects.select_related("district").filter(enabled=True)
    if district is not None:
        rows = rows.filter(district_id=district)
    return list(rows.order_by("district__name", "pk")[:50])


def known(provider: SignInProvider, issuer: str, subject: str) -> Identity | None:
    """Return what is known of a person by this name at a provider."""
    rows = Identity.objects.select_related("account__district", "provider")
    return rows.filter(provider=provider, issuer=issuer, subject=subject).first()


def reached_at(district: int, emails: Iterable[str]) -> list[Account]:
    """Return the accounts of a district with one of these addresses, in whatever state. More than a few are too many."""
    rows = Account.objects.select_related("district").filter(district_id=district, email__in=[each for each in emails if each])
    return list(rows.order_by("pk")[:20])


def taken(accounts: Iterable[Account], provider: SignInProvider, issuer: str, subject: str) -> bool:
    """Say whether one of these accounts belongs to somebody else at this provider already."""
    rows = Identity.objects.filter(account__in=[each.pk for each in accounts], provider=provider, issuer=issuer, confirmed=True)
    return rows.exclude(subject=subject).exists()


def waiting(district: int) -> list[Identity]:
    """Return the sign-ins that wait for an administrator."""
    rows = Identity.objects.select_related("account", "provider").filter(district_id=district, confirmed=False)
    return list(rows.order_by("made_at", "pk")[:100])


def of(account: Account) -> list[Identity]:
    """Return by which providers an account is reached."""
    rows = Identity.objects.select_related("provider").filter(account=account, confirmed=True)
    return list(rows.order_by("provider__title", "pk"))


def people(provider: SignInProvider) -> int:
    """Count who signs in by a provider."""
    return Identity.objects.filter(provider=provider, confirmed=True).count()


def unclear(district: int) -> list[tuple[AuditEntry, list[Account]]]:
    """Return the latest sign-ins of which nobody could tell whose account they are, with the accounts that they may be."""
    since = clock.now() - timedelta(days=30)
    entries = list(
        AuditEntry.objects.filter(district_id=district, at__gt=since, act="sign-in.unclear").order_by("-at", "-pk")[:10]
    )
    numbers = {number for each in entries for number in each.detail.get("accounts", [])}
    found = Account.objects.filter(district_id=district).in_bulk(numbers)
    return [(each, [found[number] for number in each.detail.get("accounts", []) if number in found]) for each in entries]
