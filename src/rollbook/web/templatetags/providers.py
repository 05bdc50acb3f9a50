"""Gives templates the providers that people may sign in by."""

from django import template

from rollbook.store import providers
from rollbook.store.models import SignInProvider

register = template.Library()

#: With more than so many on one installation, nobody finds their own: schools give out the link to theirs.
MOST = 8


@register.simple_tag
def offered_providers(district: int | None = None) -> list[SignInProvider]:
    """Return what the sign-in page offers: the providers of one district, or of all where these are few."""
    found = providers.offered(district or None)
    return found if district or len(found) <= MOST else []


@register.filter
def district_count(found: list[SignInProvider]) -> int:
    """Count the districts among some providers."""
    return len({each.district_id for each in found})
