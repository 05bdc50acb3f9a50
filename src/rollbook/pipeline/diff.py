"""Diff: a snapshot against the roster gives candidates, the rows that may have to change."""

import numpy as np
import polars as pl

from rollbook.domain.entities import Entity
from rollbook.lib import columnar
from rollbook.pipeline.candidates import Candidates, nothing
from rollbook.store.roster import Roster
from rollbook.store.snapshots import Accepted, Snapshot


def diff(entity: Entity, snapshot: Snapshot, accepted: Accepted, roster: Roster | None, *, anew: bool = False) -> Candidates:
    """Find the rows that are new, other or missing; with `anew`, every row that was sent is a candidate.

    Shape: two sorted arrays of hashes are compared; only rows whose hash is new are read again, and only their keys and those
        of missing rows are looked up in the database.
    Source: docs/explanation/situations.md.
    """
    kept = snapshot.kept[entity.name]
    rows = snapshot.rows(entity)
    every = np.sort(rows.select("row_hash").collect(engine="streaming")["row_hash"].to_numpy())
    repeats = np.append(False, every[1:] == every[:-1]) if len(every) else np.zeros(0, bool)
    sent = every[~repeats] if repeats.any() else every
    known = np.zeros(0, np.uint64)
    if accepted.columns(entity) is not None:
        known = np.sort(accepted.rows(entity).select("row_hash").collect()["row_hash"].to_numpy())
    alone = _in_one_only(sent, known)
    gone, other = alone[columnar.missing(alone, sent)], alone[columnar.missing(alone, known)]
    new = sent if anew else other

    if len(new) < len(sent):
        rows = rows.filter(pl.col("row_hash").is_in(pl.Series(new).implode()))
    if repeats.any():
        rows = rows.unique("row_hash", keep="first", maintain_order=True)
    empty = nothing(entity)
    found = Candidates(
        entity, kept.columns, rows, empty.before, empty.gone, read=len(sent), candidates=len(new), identical=int(repeats.sum())
    )
    if found.few and len(new) < len(sent):
        found.rows = rows = rows.collect(engine="streaming").lazy()
    if not len(new) and not len(gone):
        return found
    if roster is None or not roster.holds(entity):
        found.all_new = True
        return found
    if len(other) < len(new):
        found.settled = pl.Series(sent[columnar.missing(sent, other)])
    keys = found.moving(rows).select("sourced_id").collect(engine="streaming")["sourced_id"]
    left = accepted.rows(entity).filter(pl.col("row_hash").is_in(pl.Series(gone).implode())).select("sourced_id").collect()
    met = roster.rows(entity, pl.concat([keys, left["sourced_id"]]).unique().sort())
    sent_again = met["sourced_id"].is_in(keys.implode())
    found.before = met.filter(sent_again)
    if not anew:
        found.unchanged = found.before.filter(
            (pl.col("status") == "active") & ~pl.col("sourced_id").is_in(left["sourced_id"].implode())
        )["sourced_id"]
    if not kept.partial:  # one unreadable id might be anybody's: then nobody may be taken for gone
        found.gone = met.filter(~sent_again & (pl.col("status") == "active"))
    return found


def _in_one_only(sent: columnar.Hashes, known: columnar.Hashes) -> columnar.Hashes:
    """Return what is in one of two sorted arrays and not in the other, sorted.

    Shape: a sort that knows runs merges them, in an eighth of the time of searching each in the other.
    """
    if np.array_equal(sent, known):
        return sent[:0]
    both = np.concatenate([sent, known])
    both.sort(kind="stable")
    other = both[1:] != both[:-1]
    alone: columnar.Hashes = both[np.append(True, other) & np.append(other, True)]
    return alone
