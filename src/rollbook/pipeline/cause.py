"""Cause: what the rows of a large change have in common, in a sentence, where they have anything in common."""

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.entities import ORG, PERSON, ROLE
from rollbook.domain.words import counted
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles, Snapshot

#: Below so many people, and below this share of them, what they have in common proves nothing.
ENOUGH, MOST = 5, 0.8

#: Values that tell two ids to be the same person, surest first.
TELLING = ("username", "email", "identifier")


def rekeyed(files: RunFiles) -> str | None:
    """Say that people seem to have got new ids, if they have: half or more of those who leave come back under another id."""
    changes = files.changes(PERSON)
    if changes is None:
        return None
    present = [name for name in TELLING if name in changes.collect_schema().names()]
    left = changes.filter(pl.col("kind") == Change.VANISH.value)
    came = changes.filter(pl.col("kind") == Change.APPEAR.value)
    total = int(left.select(pl.len()).collect().item())
    if total < ENOUGH:
        return None
    pairs = [
        left.select(pl.col("sourced_id"), value=pl.col(f"was.{name}").str.to_lowercase())
        .drop_nulls()
        .join(came.select(value=pl.col(name).str.to_lowercase()), on="value", how="semi")
        for name in present
    ]
    if not pairs:
        return None
    again = int(pl.concat(pairs).select(pl.col("sourced_id").n_unique()).collect().item())
    if 2 * again < total:
        return None
    return (
        f"{again:,} of {total:,} people who would leave come back under another id, with the same username, email or number. "
        "Did the source change its ids?"
    )


def cause(files: RunFiles, snapshot: Snapshot | None, roster: Roster) -> str:
    """Say what those who would leave have in common, or nothing.

    Shape: grows with what changes.
    """
    changes = files.changes(ROLE)
    if changes is None or snapshot is None:
        return ""
    left = changes.filter((pl.col("kind") == Change.VANISH.value) & (pl.col("was.role") == "student"))
    schools = left.group_by(org="was.org").agg(pl.col("was.person").n_unique().alias("n")).sort("n", descending=True).collect()
    total = int(schools["n"].sum())
    if total < ENOUGH or schools["n"][0] < MOST * total:
        return ""
    org, number = schools["org"][0], int(schools["n"][0])
    met = roster.rows(ORG, pl.Series([org]))
    name = met["name"][0] if met.height else org
    words = (
        f"{number:,} of the {counted(total, 'student', 'students')} who would leave"
        if number < total
        else f"All {total:,} students who would leave"
    )
    said = f"{words} are at {name}"
    if snapshot.offers(ROLE):
        here = snapshot.rows(ROLE).filter(pl.col("org") == org).group_by("role").len().collect()
        there = dict(here.iter_rows())
        if not there.get("student"):
            said += ", and the source has sent no student of that school"
            if there.get("teacher"):
                said += f". Its {counted(there['teacher'], 'teacher is', 'teachers are')} still there"
            return said + ". A school left out of an export looks just like this."
        return said + f"; {counted(there['student'], 'student', 'students')} of that school were sent."
    return said + "."
