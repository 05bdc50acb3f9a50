"""Rows without an id of their own, whose key is made of what they say: roles at schools, links between parents and children.

One that is faulty has another key than the live row that it stands for, which then seems to be missing. Here it is found who
may be meant, for an invalid row is never an absent one.
"""

import polars as pl

from rollbook.domain.entities import BY_NAME, PERSON, ROLE, Entity
from rollbook.pipeline.picture import NONE, Picture


def refused_people(picture: Picture) -> pl.DataFrame:
    """Return where the rows of people stand that were left out as faulty: `sourced_id`, `source_file`, `line`."""
    unfit = picture.unfit.get(PERSON.name, NONE)
    if picture.snapshot is None or not picture.offers(PERSON.name) or not len(unfit):
        return pl.DataFrame(schema={"sourced_id": pl.String, "source_file": pl.String, "line": pl.Int64})
    rows = picture.snapshot.rows(PERSON).filter(pl.col("sourced_id").is_in(unfit.implode()))
    return rows.select("sourced_id", "source_file", "line").collect(engine="streaming")


def made_of(entity: Entity, picture: Picture, refused: pl.DataFrame) -> pl.DataFrame:
    """Return the fit candidates that were made of one of these rows: `sourced_id`, `source_file`, `line`, `owner`.

    A system whose rows have no lines has one row for each person in each of its tables.
    """
    rows = picture.fit(entity.name).select("sourced_id", "source_file", "line", owner=entity.key[0])
    people = refused.lazy().rename({"sourced_id": "owner"})
    by_line = rows.join(people, on=["source_file", "line"], how="semi")
    unlined = rows.filter(pl.col("line").is_null())
    return pl.concat([by_line, unlined.join(people, on=["source_file", "owner"], how="semi")]).collect()


def differing(picture: Picture) -> pl.Series:
    """Return the keys of people who are sent in several rows that agree in the person, and not in what was made of them.

    Needs: some row of people is sent more than once.
    """
    if picture.snapshot is None or not picture.offers(ROLE.name):
        return NONE
    people = picture.snapshot.rows(PERSON).filter(pl.col("row_hash").is_duplicated())
    roles = picture.snapshot.rows(ROLE).select("source_file", "line", made="sourced_id")
    rows = people.select("sourced_id", "source_file", "line").join(roles, on=["source_file", "line"])
    by_row = rows.group_by("sourced_id", "line").agg(pl.col("made").sort().str.join(" "))
    other = by_row.group_by("sourced_id").agg(pl.col("made").n_unique() > 1).filter("made")
    return other.select("sourced_id").collect()["sourced_id"]


def may_be_meant(entity: Entity, picture: Picture, refused: pl.DataFrame) -> pl.Series:
    """Return the keys of the leaving rows that a faulty one may stand for: they stay.

    That is every row of a person whom a faulty row names, or who stands in a faulty row of the same file. Where a faulty row
    names nobody who is known, it is every row that agrees with it in all else, and where that is not known either, every row.
    Shape: looks only at what is faulty and at what leaves.
    """
    name, candidates = entity.name, picture.candidates[entity.name]
    leaving = picture.leaving[name]
    if picture.snapshot is None or not picture.offers(name) or not leaving.height:
        return NONE
    faulty = candidates.rows.filter(pl.col("sourced_id").is_in(picture.unfit[name].implode())).collect()
    stands = candidates.before.filter(pl.col("status") == "active")["sourced_id"]
    faulty = faulty.filter(~pl.col("sourced_id").is_in(stands.implode()))  # the others stand for themselves
    if not faulty.height and not refused.height:
        return NONE
    who = [column.name for column in entity.references if column.refers_to == PERSON.name]
    what = [part for part in entity.key if part not in who]
    named = _met(PERSON, pl.concat([faulty[column] for column in who]), picture)
    files = picture.snapshot.rows(entity).select("source_file").unique().collect()["source_file"]
    if len(files):  # else they might have stood in the file of people
        refused = refused.filter(pl.col("source_file").is_in(files.implode()))
    people = pl.concat([named, refused["sourced_id"]])
    stays = pl.any_horizontal(pl.col(column).is_in(people.implode()) for column in who)
    strange = faulty.filter(~pl.any_horizontal(pl.col(column).is_in(named.implode()) for column in who))
    if strange.height:
        places = [column for column in entity.references if column.name in what]
        clear = [
            strange[each.name].is_in(_met(BY_NAME[each.refers_to or ""], strange[each.name], picture).implode()).all()
            for each in places
        ]
        if not places or not all(clear):
            stays = pl.lit(True)
        else:
            stays |= pl.struct(what).is_in(strange.select(pl.struct(what)).to_series().implode())
    # What belongs to something that leaves goes with it, whatever is said of it.
    lost = [pl.col(column.name).is_in(picture.gone(column.refers_to or "").implode()) for column in entity.references]
    return leaving.filter(stays & ~pl.any_horizontal(lost))["sourced_id"]


def _met(parent: Entity, keys: pl.Series, picture: Picture) -> pl.Series:
    """Return those keys that the source sent, faulty or not, or that the roster has."""
    keys = keys.drop_nulls().unique()
    met = [picture.known(parent, keys)]
    if picture.snapshot is not None and picture.offers(parent.name):
        sent = picture.snapshot.rows(parent).filter(pl.col("sourced_id").is_in(keys.implode()))
        met.append(sent.select("sourced_id").collect(engine="streaming")["sourced_id"])
    return pl.concat(met).unique()
