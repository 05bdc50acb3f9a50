"""Summary: what became of the rows of an import, in the groups that people think in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.entities import ENROLLMENT, PERSON, ROLE
from rollbook.domain.words import KIND_OF_ROLE
from rollbook.pipeline.gate import Live
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles, Snapshot

#: A person who is several of these counts once, as the first of them.
RANK = {"student": 0, "teacher": 1, "staff": 2, "guardian": 3}
RANK_OF_ROLE = {role: RANK[kind] for role, kind in KIND_OF_ROLE.items()}
#: What a group is called, by the rank of a person or by the role in a class.
GROUPS: dict[Any, str] = {**{rank: kind for kind, rank in RANK.items()}, **KIND_OF_ROLE}
#: And what all others are.
REST = {"person": "none", "enrollment": "staff"}

#: What the lines of the summary are called, and which groups each puts together.
LINES = (
    ("Schools", "org", None),
    ("Terms", "academic_session", None),
    ("Courses", "course", None),
    ("Classes", "section", None),
    ("Users – Students", "person", ("student",)),
    ("Users – Staff", "person", ("teacher", "staff")),
    ("Users – Guardians", "person", ("guardian",)),
    ("Users – without a role", "person", ("none",)),
    ("Enrollments – Students", "enrollment", ("student",)),
    ("Enrollments – Teachers", "enrollment", ("teacher",)),
    ("Enrollments – Others", "enrollment", ("staff", "guardian")),
    ("Roles at schools", "role", None),
    ("Guardians of students", "guardianship", None),
)


def summary(
    counts: Mapping[str, Mapping[str, int]], snapshot: Snapshot | None, files: RunFiles, live: Live, roster: Roster
) -> list[dict[str, Any]]:
    """Return the lines of the summary: read, added, changed, removed, returned, unchanged, errors, and how many were active.

    Units: read = added + changed + returned + unchanged + errors, in every line. Shares are of `active`, errors of `read`.
    """
    grouped = {}
    for name in ("person", "enrollment"):
        if name in counts and snapshot:
            grouped[name] = _grouped(name, counts[name]["read"], snapshot, files)
        elif name in counts and not counts[name]["read"]:
            grouped[name] = _leaving(name, files)
        elif name in counts and not counts[name]["same"] and not counts[name]["unfit"]:
            grouped[name] = _mirrored(name, files, roster)
    lines = []
    for title, name, groups in LINES:
        if name not in counts:
            continue
        whole = counts[name]
        group_counts = grouped.get(name)
        if groups is None or group_counts is None:
            if groups is not None and "Student" not in title:
                continue  # no roles to tell the groups apart: one line has them all
            lines.append(_line(title if groups is None else title.split(" – ")[0], whole, live.of(name, None)))
            continue
        numbers = {key: sum(group_counts.get((key, group), 0) for group in groups) for key in whole if key != "same"}
        numbers["same"] = numbers["read"] - sum(numbers[key] for key in ("appear", "alter", "return", "unfit"))
        if any(numbers.values()) or groups == ("student",):
            active = sum(live.of(name, group) for group in groups if group != "none")
            lines.append(_line(title, numbers, active))
    return lines


def unchanged(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of an import that changes nothing, from those of the one before it, which left no row out."""
    return [
        _line(
            line["title"],
            dict.fromkeys(("appear", "alter", "vanish", "return", "unfit"), 0) | {"read": line["read"], "same": line["read"]},
            line["active"] + line["added"] + line["returned"] - line["removed"],
        )
        for line in lines
        if line["read"]
    ]


def _line(title: str, numbers: Mapping[str, int], active: int) -> dict[str, Any]:
    return {
        "title": title,
        "read": numbers["read"],
        "added": numbers["appear"],
        "changed": numbers["alter"],
        "removed": numbers["vanish"],
        "returned": numbers["return"],
        "unchanged": numbers["same"],
        "errors": numbers["unfit"],
        "active": active,
    }


def _grouped(name: str, read: int, snapshot: Snapshot, files: RunFiles) -> dict[tuple[str, str], int] | None:
    """Count what was read, what would change and what is unfit, by group; None where the source says nothing of groups."""
    if not snapshot.offers(name) or (name == "person" and not snapshot.offers("role")):
        return None
    entity = PERSON if name == "person" else ENROLLMENT
    rows = snapshot.rows(entity)
    faults = snapshot.faults(entity).filter((pl.col("level") == "error") & pl.col("sourced_id").is_null())
    unreadable = int(faults.select(pl.len()).collect().item())
    if snapshot.kept[name].rows + unreadable > read:  # identical rows count once
        rows = rows.unique("row_hash")
    if name == "person":
        # Asked three times below; numbers are little beside reading the ids thrice.
        sent = rows.select(key=_key("sourced_id")).join(_firsts(snapshot.rows(ROLE)), on="key", how="left")
        sent = sent.collect(engine="streaming").lazy()
    else:
        sent = rows.select(key=_key("sourced_id"), group="role")
    rest = REST[name]
    found = _counted("read", sent, rest)
    found["read", rest] += unreadable
    unfit = _unfit(entity.name, files).select(key=_key("sourced_id")).collect(engine="streaming")
    found["unfit", rest] = unreadable
    if unfit.height:
        found += _counted("unfit", sent.join(unfit.lazy(), on="key", how="semi"), rest)
    changes = files.changes(entity)
    if changes is None:
        return found
    come = changes.filter(pl.col("kind") != Change.VANISH.value)
    if name == "person":
        come = come.select("kind", key=_key("sourced_id")).join(sent, on="key")
    else:
        come = come.select("kind", group="role")
    for kind, group, n in come.group_by("kind", "group").len().collect(engine="streaming").iter_rows():
        found[kind, GROUPS.get(group, rest)] += n
    return found + _leaving(name, files)


def _mirrored(name: str, files: RunFiles, roster: Roster) -> Counter[tuple[str, str]]:
    """Count what an undo brings back and changes, by group; it reads nothing else.

    What people are is in the roles that come with them, and in those that they have.
    """
    found = _leaving(name, files)
    changes = files.changes(PERSON if name == "person" else ENROLLMENT)
    if changes is None:
        return found
    come = changes.filter(pl.col("kind") != Change.VANISH.value)
    if name == "person":
        people = come.select("sourced_id", "kind").collect()
        roles = [roster.children(ROLE, "person", people["sourced_id"]).lazy().select("person", "role")]
        brought = files.changes(ROLE)
        if brought is not None:
            roles.append(brought.filter(pl.col("kind") != Change.VANISH.value).select("person", "role"))
        come = people.lazy().with_columns(key=_key("sourced_id")).join(_firsts(pl.concat(roles)), on="key", how="left")
    else:
        come = come.select("kind", group="role")
    for kind, group, n in come.group_by("kind", "group").len().collect(engine="streaming").iter_rows():
        found[kind, GROUPS.get(group, REST[name])] += n
        found["read", GROUPS.get(group, REST[name])] += n
    return found


def _leaving(name: str, files: RunFiles) -> Counter[tuple[str, str]]:
    """Count what would leave, by group."""
    changes = files.changes(PERSON if name == "person" else ENROLLMENT)
    if changes is None:
        return Counter()
    left = changes.filter(pl.col("kind") == Change.VANISH.value)
    if name == "person":
        leaving = left.select(key=_key("sourced_id"), group=pl.lit(None, pl.Int8))
        roles = files.changes(ROLE)
        if roles is not None:
            mine = roles.filter(pl.col("kind") == Change.VANISH.value).select(person="was.person", role="was.role")
            leaving = leaving.select("key").join(_firsts(mine), on="key", how="left")
    else:
        leaving = left.select(group="was.role")
    return _counted(Change.VANISH, leaving, REST[name])


def _key(column: str) -> pl.Expr:
    """Tell people apart by a number made of their id: joined and grouped, that takes half as long as by the id itself."""
    return pl.col(column).hash()


def _firsts(roles: pl.LazyFrame) -> pl.LazyFrame:
    """Find the first thing that everybody is."""
    rank = pl.col("role").replace_strict(RANK_OF_ROLE, default=RANK["staff"], return_dtype=pl.Int8)
    return roles.select(key=_key("person"), group=rank).group_by("key").agg(pl.col("group").min())


def _counted(kind: str, rows: pl.LazyFrame, rest: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for group, n in rows.group_by("group").len().collect(engine="streaming").iter_rows():
        found[kind, GROUPS.get(group, rest)] += n
    return found


def _unfit(name: str, files: RunFiles) -> pl.LazyFrame:
    findings = files.findings()
    if findings is None:
        return pl.LazyFrame(schema={"sourced_id": pl.String})
    mine = (pl.col("entity") == name) & (pl.col("level") == "error") & pl.col("sourced_id").is_not_null()
    return findings.filter(mine).select("sourced_id").unique()
