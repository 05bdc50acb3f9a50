"""Which fields of a source's people somebody has set by hand."""

import polars as pl
from django.db.models import OuterRef, QuerySet, Subquery

from rollbook.store.models import Account, Override, Person

#: What can be set by hand of an account itself; all else is set of its person, for all accounts of that person.
USERNAME = "username"


def by_hand(district: int, source: int) -> pl.DataFrame:
    """Return `sourced_id` and `field` of all values that were set by hand over what a source says of people. Two statements."""
    people = Person.objects.filter(district_id=district, source_id=source)
    keys = people.filter(pk=OuterRef("row")).values("sourced_id")
    rows = Override.objects.filter(district_id=district, entity="person").annotate(key=Subquery(keys[:1])).exclude(key=None)
    named = Account.objects.filter(district_id=district, pk__in=named_by_hand(district)).values("person")
    found = [
        *rows.order_by("pk").values_list("key", "field"),
        *((key, USERNAME) for key in people.filter(pk__in=named).order_by("pk").values_list("sourced_id", flat=True)),
    ]
    return pl.DataFrame(found, schema={"sourced_id": pl.String, "field": pl.String}, orient="row")


def named_by_hand(district: int) -> QuerySet[Override, int]:
    """Return the accounts whose username somebody has set by hand."""
    return Override.objects.filter(district_id=district, entity="account", field=USERNAME).values_list("row", flat=True)


def username_of(account: Account) -> Override | None:
    """Return the username that somebody has set by hand for an account, if anybody has."""
    return Override.objects.filter(district_id=account.district_id, entity="account", row=account.pk, field=USERNAME).first()
