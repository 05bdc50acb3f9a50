"""Says where a source has changed a value that somebody set by hand, and that stays."""

import polars as pl

from rollbook.domain.findings import Level
from rollbook.pipeline.picture import Picture
from rollbook.pipeline.rules.rule import NOTHING, place, rule, told
from rollbook.store import overrides


@rule("set_by_hand_stays", Level.NOTE, "person")
def set_by_hand_stays(picture: Picture, name: str) -> pl.DataFrame:
    """The source has changed a value over which somebody has set another one by hand. What was set by hand stays.

    Remedy: If the source is right by now, give the field back to it on the page of the account.
    """
    before = picture.candidates[name].before
    if picture.roster is None or not before.height:
        return NOTHING
    fields = overrides.by_hand(picture.roster.district, picture.roster.source)
    columns = [each for each in fields["field"].unique().sort() if picture.has(name, each)]
    found = []
    for column in columns:  # as many as can be set by hand
        keys = fields.filter(pl.col("field") == column).select("sourced_id").lazy()
        earlier = before.lazy().select("sourced_id", was=column).join(keys, on="sourced_id", how="semi")
        rows = picture.fit(name).select("sourced_id", "source_file", "line", column).join(earlier, on="sourced_id")
        changed = rows.filter(pl.col(column).ne_missing(pl.col("was"))).collect(engine="streaming")
        message = pl.format("{}: {} has changed at the source; what was set by hand stays.", place(), pl.lit(column))
        found.append(told(changed, message, column))
    return pl.concat(found) if found else NOTHING
