"""Check: candidates become findings, and the changes that are left when the unfit rows are out."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from rollbook.connectors.protocol import FAULTS, NO_FAULTS
from rollbook.domain.changes import Change
from rollbook.domain.entities import ENTITIES, PERSON, Column, Entity
from rollbook.domain.findings import Level, Rule
from rollbook.domain.words import ENTITY_WORDS, counted
from rollbook.lib import columnar
from rollbook.pipeline.candidates import Candidates, changes
from rollbook.pipeline.made_keys import differing, made_of, may_be_meant, refused_people
from rollbook.pipeline.picture import NONE, Picture, without
from rollbook.pipeline.rules import CATALOGUE
from rollbook.pipeline.rules.rule import findings, heading, place, told
from rollbook.store.roster import Roster, no_rows
from rollbook.store.snapshots import RunFiles, Snapshot

#: Rules that this module itself applies, because they decide which rows a parent takes with it.
SAME_ID_TWICE = Rule(
    "same_id_twice",
    Level.ERROR,
    "Two rows have the same id and different values. Neither is taken until the source is corrected.",
    "Give each row an id of its own at the source.",
)
IDENTICAL_ROWS = Rule("identical_rows", Level.NOTE, "Rows that are identical to the letter count as one.", "")
UNKNOWN_REFERENCE = Rule(
    "unknown_reference",
    Level.ERROR,
    "A row points to another one that the source did not send and that is not known from before.",
    "Export the other row, too, or correct the id.",
)
DEPENDS_ON_REFUSED = Rule(
    "depends_on_refused_row",
    Level.ERROR,
    "A row points to, or was made of, another one of the same import that was left out as faulty.",
    "Correct the other row first; this one then comes by itself.",
)
PARENT_LEAVES = Rule(
    "parent_leaves",
    Level.ERROR,
    "A row points to another one that becomes inactive in this import, and so becomes inactive, too.",
    "Point it elsewhere at the source, or end it there.",
)
OWN_RULES = (SAME_ID_TWICE, IDENTICAL_ROWS, UNKNOWN_REFERENCE, DEPENDS_ON_REFUSED, PARENT_LEAVES)


@dataclass
class Checked:
    """What check leaves behind besides files: the numbers."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)  # entity -> read, appear, alter, vanish, return, same, unfit
    levels: dict[str, int] = field(default_factory=dict)


def check(
    found: dict[str, Candidates],
    snapshot: Snapshot | None,
    roster: Roster | None,
    files: RunFiles,
    progress: Callable[[int, int, str], None],
    also: pl.DataFrame | None = None,
) -> Checked:
    """Judge all candidates and what they touch; write the findings and the changes.

    Shape: parents before children, so that a refused or leaving parent is known when its children are judged.
    """
    picture = Picture(found, snapshot, roster)
    said = [] if also is None else [also]
    unfit_rows: dict[str, int] = {}
    touched = [entity for entity in ENTITIES if entity.name in found]

    def moves(entity: Entity) -> bool:  # of the others nothing is said: that would be a statement each, every night
        return bool(found[entity.name].candidates) or bool(found[entity.name].gone.height)

    for done, entity in enumerate(touched):
        if moves(entity):
            progress(done, 2 * len(touched), entity.name)
        judged, unfit_rows[entity.name] = _judge(entity, picture)
        said += judged
    anything = any(each.candidates for each in found.values()) or any(each.height for each in picture.leaving.values())
    for judge in CATALOGUE.values() if anything else ():
        if judge.rule.level is not Level.ERROR and (not judge.needs or picture.offers(*judge.needs)):
            said += [findings(judge.rule, name, judge.judge(picture, name)) for name in judge.entities if name in found]
    checked = Checked()
    for done, entity in enumerate(touched):
        if moves(entity):
            progress(len(touched) + done, 2 * len(touched), entity.name)
        checked.counts[entity.name] = _keep_changes(entity, picture, unfit_rows[entity.name], files)
    whole = pl.concat(said) if said else NO_FAULTS
    columnar.keep(whole.lazy(), files.findings_file)
    for level in Level:
        checked.levels[level] = int(whole.filter(pl.col("level") == level.value)["count"].sum())
    return checked


def _judge(entity: Entity, picture: Picture) -> tuple[list[pl.DataFrame], int]:
    """Find an entity's errors, and so its unfit and its leaving rows."""
    name = entity.name
    candidates = picture.candidates[name]
    said: list[pl.DataFrame] = []
    unreadable = 0
    if picture.snapshot is not None and picture.snapshot.offers(name):
        faults = picture.snapshot.faults(entity).collect()
        said.append(faults)
        errors = faults.filter(pl.col("level") == Level.ERROR.value)
        unreadable = errors.filter(pl.col("sourced_id").is_null()).height
        picture.unfit[name] = errors["sourced_id"].drop_nulls().unique()
    else:
        picture.unfit[name] = NONE
    if candidates.identical:
        said.append(_identical(candidates))
    moves = candidates.candidates or candidates.gone.height or any(each.height for each in picture.leaving.values())
    if not moves and not (entity is PERSON and candidates.identical):
        picture.leaving[name] = candidates.gone
        return said, unreadable
    refused = [_collisions(candidates, picture)]
    if candidates.candidates:
        refused += [
            findings(judge.rule, name, judge.judge(picture, name))
            for judge in CATALOGUE.values()
            if judge.rule.level is Level.ERROR and name in judge.entities
        ]
    _refuse(picture, name, refused)
    said += refused
    picture.leaving[name] = candidates.gone.filter(~pl.col("sourced_id").is_in(picture.unfit[name].implode()))
    while True:  # once, but for orgs and sessions, which point to their own kind: as often as they are deep
        dangling = _dangling(entity, picture)
        _refuse(picture, name, dangling)
        orphans, taken = _orphans(entity, picture)
        picture.leaving[name] = pl.concat([picture.leaving[name], taken])
        picture.unfit[name] = pl.concat([picture.unfit[name], orphans["sourced_id"]]).unique()
        said += [*dangling, orphans]
        if not any(column.refers_to == name for column in entity.references) or not (
            sum(frame.height for frame in dangling) or taken.height
        ):
            break
    if entity.key:
        said.append(_stand_for_others(entity, picture))
    return said, unreadable


def _stand_for_others(entity: Entity, picture: Picture) -> pl.DataFrame:
    """Refuse what was made of a refused row, and let stay what a faulty row may mean: neither has an id of its own."""
    name, people = entity.name, refused_people(picture)
    refused = NO_FAULTS
    if people.height:
        lost = f"{{}}: the row of '{{}}' was left out as faulty, and what it says of {ENTITY_WORDS[name][1]} with it."
        message = pl.format(lost, place(), pl.col("owner"))
        refused = findings(DEPENDS_ON_REFUSED, name, told(made_of(entity, picture, people), message))
        _refuse(picture, name, [refused])
    stay = may_be_meant(entity, picture, people)
    picture.leaving[name] = picture.leaving[name].filter(~pl.col("sourced_id").is_in(stay.implode()))
    return refused


def _refuse(picture: Picture, name: str, refused: list[pl.DataFrame]) -> None:
    keys = [frame["sourced_id"].drop_nulls() for frame in refused]
    picture.unfit[name] = pl.concat([picture.unfit[name], *keys]).unique()


def _identical(candidates: Candidates) -> pl.DataFrame:
    name = candidates.entity.name
    number = counted(candidates.identical, "row repeats", "rows repeat")
    message = f"{number} another one to the letter; each was taken once."
    row = {
        **dict.fromkeys(FAULTS),
        "entity": name,
        "level": "note",
        "rule": IDENTICAL_ROWS.name,
        "message": message,
        "count": candidates.identical,
    }
    return pl.DataFrame([row], schema=FAULTS)


def _collisions(candidates: Candidates, picture: Picture) -> pl.DataFrame:
    name = candidates.entity.name
    twice = NONE
    if candidates.candidates:
        keys = candidates.rows.select("sourced_id").collect(engine="streaming")["sourced_id"]
        twice = keys.filter(keys.is_duplicated()).unique() if keys.n_unique() < len(keys) else NONE
    other = differing(picture) if candidates.entity is PERSON and candidates.identical else NONE
    twice = pl.concat([twice, candidates.unchanged, other]).unique()
    if not len(twice):
        return NO_FAULTS
    source = picture.snapshot.rows(candidates.entity) if picture.offers(name) and picture.snapshot else candidates.rows
    one = ["row_hash", "line"] if len(other) else ["row_hash"]
    rows = source.filter(pl.col("sourced_id").is_in(twice.implode())).unique(one, maintain_order=True).collect()
    lines = pl.col("line").sort().cast(pl.String).str.join(" and ").over("sourced_id")
    says = "have the same id '{}' and differ"
    if candidates.entity.key:
        says = f"say different things of one {ENTITY_WORDS[name][0]}, '{{}}'"
    message = pl.format(f"{{}} lines {{}} {says}. Neither was taken.", pl.col("source_file"), lines, pl.col("sourced_id"))
    return findings(SAME_ID_TWICE, name, told(rows, message, "sourced_id"))


def _dangling(entity: Entity, picture: Picture) -> list[pl.DataFrame]:
    """Find the candidates that point to nothing."""
    candidates = picture.candidates[entity.name]
    if not candidates.candidates:
        return []
    return [_dangling_in(column, entity, picture) for column in entity.references if column.name in candidates.columns]


def _dangling_in(column: Column, entity: Entity, picture: Picture) -> pl.DataFrame:
    parent = next(each for each in ENTITIES if each.name == column.refers_to)
    rows = picture.fit(entity.name).select("sourced_id", "source_file", "line", target=pl.col(column.name)).drop_nulls("target")
    if column.many:
        rows = rows.with_columns(pl.col("target").str.split(",")).explode("target")
    sent = no_rows("target").lazy()
    if picture.offers(parent.name):
        sent = picture.after(parent.name).select(target=pl.col("sourced_id"))
    elif parent.name in picture.candidates:
        sent = picture.fit(parent.name).select(target=pl.col("sourced_id"))
    missing = rows.join(sent, on="target", how="anti").collect(engine="streaming")
    if missing.height:
        known = picture.known(parent, missing["target"].unique())
        missing = missing.filter(~pl.col("target").is_in(known.implode()))
    if not missing.height:
        return NO_FAULTS
    missing = missing.sort("line", "sourced_id")
    refused = pl.col("target").is_in(picture.unfit.get(parent.name, NONE).implode())
    leaves = pl.col("target").is_in(picture.gone(parent.name).implode())
    one, many = ENTITY_WORDS[parent.name]
    called = heading(picture, entity.name, column.name)
    start = pl.format("{}: {} '{}'", place(), pl.lit(called.replace("_", " ")), pl.col("target"))
    lost = pl.format(f"{{}} is neither among the {many} of this import nor known from before.", start)
    parts = (
        (UNKNOWN_REFERENCE, ~refused & ~leaves, lost),
        (UNKNOWN_REFERENCE, leaves & ~refused, pl.format(f"{{}} is a {one} that becomes inactive in this import.", start)),
        (DEPENDS_ON_REFUSED, refused, pl.format(f"{{}} is a {one} that was left out as faulty.", start)),
    )
    return pl.concat(
        [findings(words, entity.name, told(missing.filter(which), message, called)) for words, which, message in parts]
    )


def _orphans(entity: Entity, picture: Picture) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find the active rows whose parent leaves and that no fit candidate points elsewhere: they leave, too."""
    name = entity.name
    kids = [
        picture.children(entity, column.name, picture.gone(column.refers_to or ""))
        for column in entity.references
        if len(picture.gone(column.refers_to or "")) and not picture.candidates[name].all_gone
    ]
    if not kids:
        return NO_FAULTS, no_rows("sourced_id", "status", *entity.names)
    taken = pl.concat(kids).unique("sourced_id", maintain_order=True)
    taken = taken.filter(~pl.col("sourced_id").is_in(picture.gone(name).implode()))
    if taken.height and picture.candidates[name].candidates:
        mended = (
            picture.fit(name).select("sourced_id").join(taken.lazy().select("sourced_id"), on="sourced_id", how="semi").collect()
        )
        taken = taken.filter(~pl.col("sourced_id").is_in(mended["sourced_id"].implode()))
    if not taken.height or not picture.offers(name) or picture.snapshot is None:
        return NO_FAULTS, taken
    sent = picture.snapshot.rows(entity).select("sourced_id", "source_file", "line")
    rows = sent.join(taken.lazy().select("sourced_id"), on="sourced_id", how="semi").collect()
    rows = rows.filter(~pl.col("sourced_id").is_in(picture.unfit[name].implode()))
    message = pl.format("{}: '{}' is still sent, but what it belongs to becomes inactive.", place(), pl.col("sourced_id"))
    return findings(PARENT_LEAVES, name, told(rows, message)), taken


def _keep_changes(entity: Entity, picture: Picture, unreadable: int, files: RunFiles) -> dict[str, int]:
    """Write an entity's changes, if there are any, and count what became of every row."""
    name = entity.name
    candidates, leaving, unfit = picture.candidates[name], picture.leaving[name], picture.unfit[name]
    kinds = dict.fromkeys(Change, 0)
    if candidates.candidates or leaving.height:
        what = changes(candidates, without(candidates.rows, unfit), leaving)
        path = columnar.keep(what, files.changes_file(entity))
        kinds.update(dict(pl.scan_parquet(path).group_by("kind").agg(pl.len()).collect().iter_rows()))
        if not sum(kinds.values()):
            path.unlink()
    left_out = 0
    if len(unfit):
        sent = picture.snapshot.rows(entity) if picture.snapshot and picture.offers(name) else candidates.rows
        hit = sent.filter(pl.col("sourced_id").is_in(unfit.implode())).select("row_hash").unique()
        left_out = int(hit.select(pl.len()).collect().item())
    read = candidates.read + unreadable
    unfit_count = left_out + unreadable
    written = kinds[Change.APPEAR] + kinds[Change.ALTER] + kinds[Change.RETURN]
    return {
        "read": read,
        **{change.value: kinds[change] for change in Change},
        "same": read - written - unfit_count,
        "unfit": unfit_count,
    }
