"""Gate: a changeset is held against the limits before anything of it is written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.entities import ACADEMIC_SESSION, ENTITIES, ORG, PERSON, ROLE, SECTION
from rollbook.domain.gate import Kind, Measure, Threshold, Verdict
from rollbook.domain.words import KIND_OF_ROLE
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles

#: Which column says at which school a row is.
SCHOOL = {"enrollment": "school", "section": "school", "course": "org", "role": "org"}

COUNTED_AS = {Change.APPEAR: Kind.APPEAR, Change.RETURN: Kind.APPEAR, Change.ALTER: Kind.ALTER, Change.VANISH: Kind.VANISH}

#: (entity, kind, role or None, scope or None) -> {id of the school or class: how many}; without scope the id is None.
#: Of one school or class, only those that change count as `alter` that are elsewhere afterwards.
Tally = dict[tuple[str, Kind, str | None, str | None], dict[str | None, int]]


@dataclass
class Live:
    """How many rows are active now, by entity, role and school; and, for the classes that one asks for, by class."""

    counts: pl.DataFrame
    places: Callable[[pl.Series], pl.DataFrame]  # gives `section` and `n`

    def __post_init__(self) -> None:
        self._n = {(entity, role, org): n for entity, role, org, n in self.counts.iter_rows()}

    @property
    def nothing(self) -> bool:
        return not any(self.of(entity.name, None) for entity in ENTITIES)

    def of(self, entity: str, role: str | None, org: str | None = None) -> int:
        """Count one entity; with a role, those of that kind; with an org, those at that school."""
        if (entity, role, org) in self._n:
            return int(self._n[entity, role, org])
        # Only people are counted apart where roles or schools are put together: one may be several things, at several schools.
        return sum(n for (e, r, o), n in self._n.items() if e == entity and r and role in (None, r) and o and org in (None, o))


def gate(
    counts: Mapping[str, Mapping[str, int]],
    offered: frozenset[str],
    files: RunFiles,
    roster: Roster,
    live: Live,
    limits: tuple[Threshold, ...],
    questions: tuple[str, ...] = (),
) -> Verdict:
    """Measure a changeset and say whether it may be applied.

    Shape: counts changes only; what is active was counted once for this generation of the roster.
    """
    measures = [
        Measure(limit, counts[limit.entity]["unfit"], counts[limit.entity]["read"])
        for limit in limits
        if limit.kind is Kind.ERROR and limit.entity in offered and limit.entity in counts
    ]
    if live.nothing:  # a first import: there is nothing yet that could change
        return Verdict(tuple(measures), questions)
    for name in offered:
        active = live.of(name, None)
        if name in counts and not counts[name]["read"] and active:
            measures.append(Measure(Threshold(name, Kind.VANISH, percent=100.0), active, active, always=True))
    tally = count(files, roster)
    names = _names(tally, roster)
    classes = _classes(tally, live)
    for limit in limits:
        if limit.kind is Kind.ERROR:
            continue
        here = tally.get((limit.entity, limit.kind, limit.role, limit.scope), {})
        # Who is at another school or in another class tomorrow is lost to the one of today.
        moves = tally.get((limit.entity, Kind.ALTER, limit.role, limit.scope), {}) if limit.scope else {}
        if limit.scope is None or not (here or moves):
            of = live.of(limit.entity, limit.role)
            measures.append(Measure(limit, here.get(None, 0), of))
            continue
        lost = {place: here.get(place, 0) + moves.get(place, 0) for place in here.keys() | moves.keys()}
        for place, number in sorted(lost.items(), key=lambda each: (-each[1], each[0] or "")):
            of = classes.get(place, 0) if limit.scope == "section" else live.of(limit.entity, limit.role, place)
            measures.append(Measure(limit, number, of, place, names.get((limit.scope, place)), moving=moves.get(place, 0)))
    return Verdict(tuple(measures), questions)


def count(files: RunFiles, roster: Roster) -> Tally:
    """Count the changes the way that the limits ask for them."""
    tally: Tally = {}
    rows = {entity.name: _changes(entity.name, files) for entity in ENTITIES}
    for name, changes in rows.items():
        if changes is None or name == "person":
            continue
        _add(tally, name, changes, None, None)
        if "role" in changes.columns:
            _add(tally, name, changes, "role", None)
        if "school" in changes.columns:
            _add(tally, name, changes, None, "school")
            if "role" in changes.columns:
                _add(tally, name, changes, "role", "school")
        if name == "enrollment":
            _add(tally, name, changes.filter(pl.col("kind") != Kind.APPEAR.value), None, "section")
            tally["enrollment", Kind.TEACHERS, "teacher", None] = {None: int(changes["teaches"].sum())}
    if rows["person"] is not None:
        _count_people(tally, rows["person"], rows["role"], files, roster)
    moved = _moved_dates(rows["section"], files, roster)
    tally["section", Kind.DATES, None, None] = {None: moved}
    return tally


def _changes(name: str, files: RunFiles) -> pl.DataFrame | None:
    """Read what is counted: `kind`, `sourced_id`, `role` (of four), `school`, and of enrollments `section` and `teaches`.

    Where somebody leaves or changes it is the role and the school of before, where somebody comes those of afterwards;
    `leaves_school` and `leaves_section` say who changes and is elsewhere afterwards.
    """
    entity = next(each for each in ENTITIES if each.name == name)
    changes = files.changes(entity)
    if changes is None:
        return None
    present = set(changes.collect_schema().names())
    comes = pl.col("kind").is_in([Change.APPEAR.value, Change.RETURN.value])

    def value(column: str) -> pl.Expr:
        if column not in present:
            return pl.col(f"was.{column}")
        before, after = f"was.{column}", column
        return pl.when(comes).then(pl.coalesce(after, before)).otherwise(pl.coalesce(before, after))

    def leaves(column: str) -> pl.Expr:
        before = pl.col(f"was.{column}")
        alters = (pl.col("kind") == Change.ALTER.value) & before.is_not_null()
        return alters & before.ne_missing(pl.col(column)) if column in present else pl.lit(False)

    columns = {
        "kind": pl.col("kind").replace_strict({k.value: v.value for k, v in COUNTED_AS.items()}),
        "sourced_id": pl.col("sourced_id"),
    }
    if name in ("role", "enrollment"):
        columns["role"] = value("role").replace_strict(KIND_OF_ROLE, default="staff")
        columns["person"] = value("person")
    if name in SCHOOL:
        columns |= {"school": value(SCHOOL[name]), "leaves_school": leaves(SCHOOL[name])}
    if name == "enrollment":
        columns |= {"section": value("section"), "leaves_section": leaves("section")}
        begins = (pl.col("role") == "teacher") & ~comes if "role" in present else pl.lit(False)
        columns["teaches"] = (value("role") == "teacher") | begins.fill_null(False)
    return changes.select(**columns).collect(engine="streaming")


def _add(tally: Tally, name: str, changes: pl.DataFrame, role: str | None, place: str | None) -> None:
    by = ["kind", *([role] if role else []), *([place] if place else [])]
    scope = {None: None, "school": "org", "section": "section"}[place]
    if place:
        changes = changes.filter((pl.col("kind") != Kind.ALTER.value) | pl.col(f"leaves_{place}"))
    for kind, *of, n in changes.group_by(by).agg(pl.col("sourced_id").n_unique()).iter_rows():
        key = (name, Kind(kind), of[0] if role else None, scope)
        tally.setdefault(key, {})[of[-1] if place else None] = n


def _count_people(tally: Tally, people: pl.DataFrame, roles: pl.DataFrame | None, files: RunFiles, roster: Roster) -> None:
    """Count people by what they are and where: by the roles that come or go with them, or, where they stay, that they have."""
    _add(tally, "person", people, None, None)
    parts = []
    if roles is not None:
        parts.append(
            roles.select("kind", "role", "school", sourced_id="person").join(
                people.select("kind", "sourced_id"), on=["kind", "sourced_id"], how="semi"
            )
        )
    altered = people.filter(pl.col("kind") == Kind.ALTER.value)["sourced_id"]
    stay = roster.children(ROLE, "person", altered)
    parts.append(
        stay.select(
            kind=pl.lit(Kind.ALTER.value),
            role=pl.col("role").replace_strict(KIND_OF_ROLE, default="staff", return_dtype=pl.String),
            school="org",
            sourced_id="person",
        )
    )
    stays = pl.lit(False).alias("leaves_school")  # people come to a school and leave it with their roles
    placed = pl.concat([part.select("kind", "role", "school", "sourced_id", stays) for part in parts])
    _add(tally, "person", placed, "role", None)
    _add(tally, "person", placed, None, "school")
    _add(tally, "person", placed, "role", "school")
    changes = files.changes(PERSON)
    if changes is not None:
        present = changes.collect_schema().names()
        names = [column for column in ("username", "email") if column in present]
        other = (
            pl.any_horizontal(pl.col(column).ne_missing(pl.col(f"was.{column}")) for column in names) if names else pl.lit(False)
        )
        renamed = changes.filter((pl.col("kind") == Change.ALTER.value) & other).select(pl.len()).collect().item()
        tally["person", Kind.IDENTITY, None, None] = {None: int(renamed)}


def _moved_dates(sections: pl.DataFrame | None, files: RunFiles, roster: Roster) -> int:
    """Count the classes whose dates move: by the dates of their sessions, or by being put into others."""
    moved: set[str] = set()
    sessions = files.changes(ACADEMIC_SESSION)
    if sessions is not None:
        present = sessions.collect_schema().names()
        dates = [column for column in ("start_date", "end_date") if column in present]
        if dates:
            other = pl.any_horizontal(pl.col(column).ne_missing(pl.col(f"was.{column}")) for column in dates)
            keys = sessions.filter((pl.col("kind") == Change.ALTER.value) & other).select("sourced_id").collect()["sourced_id"]
            moved |= set(roster.children(SECTION, "terms", keys)["sourced_id"])
    changes = files.changes(SECTION) if sections is not None else None
    if changes is not None and "terms" in changes.collect_schema().names():
        other = (pl.col("kind") == Change.ALTER.value) & pl.col("terms").ne_missing(pl.col("was.terms"))
        moved |= set(changes.filter(other).select("sourced_id").collect()["sourced_id"])
    return len(moved)


def _names(tally: Tally, roster: Roster) -> dict[tuple[str | None, str | None], str]:
    """Look up what the schools and classes of the tally are called."""
    found: dict[tuple[str | None, str | None], str] = {}
    for scope, entity, column in (("org", ORG, "name"), ("section", SECTION, "title")):
        keys = {place for (_, _, _, s), here in tally.items() if s == scope for place in here if place}
        met = roster.rows(entity, pl.Series(sorted(keys), dtype=pl.String))
        found.update({(scope, key): name for key, name in met.select("sourced_id", column).iter_rows() if name})
    return found


def _classes(tally: Tally, live: Live) -> dict[str | None, int]:
    """Count the active enrollments of the classes that lose some."""
    losing = {key for kind in (Kind.VANISH, Kind.ALTER) for key in tally.get(("enrollment", kind, None, "section"), {}) if key}
    return dict(live.places(pl.Series(sorted(losing), dtype=pl.String)).iter_rows())
