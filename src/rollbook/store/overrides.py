"""Which fields of a source's people somebody has set by hand."""

import polars as pl
from django.db.models import OuterRef, Subquery

from rollbook.store.models import Override, Person


def by_hand(district: int, source: int) -> pl.DataFrame:
    """Return `sourced_id` and `field` of all values that were set by hand over what a source says of people. One statement."""
    keys = Person.objects.filter(district_id=district, source_id=source, pk=OuterRef("row")).values("sourced_id")
    rows = Override.objects.filter(district_id=district, entity="person").annotate(key=Subquery(keys[:1])).exclude(key=None)
    schema = {"sourced_id": pl.String, "field": pl.String}
    return pl.DataFrame(list(rows.order_by("pk").values_list("key", "field")), schema=schema, orient="row")
