"""Writes a roster as OneRoster CSV files, so that the connector beside it reads back the very same rows.

1.1 gives each person one role. Where a roster says more than that, nothing is written: a package that lost roles on the way
would take them from whoever imports it. Where 1.1 has no word for a role, its nearest one is written, and that is said.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from rollbook.connectors.oneroster.vocabulary import (
    FILES,
    OWNER,
    ROLE_TYPES,
    STANDARD_FILES,
    USER_ROLES_1_1,
    WIDE_ORGS,
    Form,
)
from rollbook.connectors.protocol import Written
from rollbook.domain.errors import ConfigError

LEAD = ("sourcedId", "status", "dateLastModified")
LISTS = (Form.LIST, Form.KEYS, Form.USER_IDS, Form.GRADES)
ADMINISTRATORS = ("siteAdministrator", "districtAdministrator")

#: The nearest word of 1.1 for those of 1.2 that it lacks, and for all words that a system has added: never one with more rights.
NEAREST_1_1 = {"principal": "administrator", "systemAdministrator": "administrator", "counselor": "aide"}
NEAREST_ADDED = "aide"

Rows = Mapping[str, pl.LazyFrame]


def write_1_2(folder: Path, rows: Rows) -> Written:
    """Write a 1.2 package into an empty folder.

    Shape: streams; `rows` has a frame for each entity, with `sourced_id` and all columns, in the order to be written.
        An entity without rows is announced as absent, since a file without rows would say that all of them have gone.
    """
    role_id = pl.col("sourced_id").str.replace_all("/", "%2F", literal=True).str.replace_all("|", "/", literal=True)
    frames = {
        **{name: rows[entity] for name, entity in OWNER.items()},
        "users": rows["person"].join(_agents(rows), on="sourced_id", how="left", maintain_order="left"),
        "roles": rows["role"].with_columns(sourced_id=role_id),
    }
    return Written(_write(folder, "1.2", frames), tuple(_nameless(rows)))


def write_1_1(folder: Path, rows: Rows) -> Written:
    """Write a 1.1 package into an empty folder.

    Errors: ConfigError, with every reason, where 1.1 cannot carry this roster: several roles or none, a kind of role or a
        word that 1.1 does not know.
    """
    roles = _roles_1_1(rows)
    if reasons := [*_odd_roles(rows, roles), *_odd_words(rows)]:
        raise ConfigError(
            f"OneRoster 1.1 cannot carry this roster: {'; '.join(reasons)}. Nothing was written",
            next_step="Export it as oneroster-1.2-csv.",
        )
    held = roles.group_by(sourced_id="person").agg(role=pl.col("word").first(), orgSourcedIds=pl.col("org").sort().str.join(","))
    frames = {
        **{name: rows[entity] for name, entity in OWNER.items() if name != "roles"},
        "users": rows["person"]
        .join(_agents(rows), on="sourced_id", how="left", maintain_order="left")
        .join(_with_safe(held, "orgSourcedIds"), on="sourced_id", how="left", maintain_order="left"),
    }
    return Written(_write(folder, "1.1", frames), (*_nearest(roles), *_nameless(rows)))


def header(name: str, version: str) -> tuple[str, ...]:
    """Return the headings of a file, all of them and in the order that OneRoster asks for."""
    headings = [field.heading for field in FILES[version][name] if field.heading not in LEAD]
    if name == "users":
        headings.insert(headings.index("grades") + 1, "password")
    if name == "roles":
        headings.append("userProfileSourcedId")
    return (*LEAD, *headings)


def _write(folder: Path, version: str, frames: Rows) -> dict[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, frame in frames.items():
        count = int(frame.select(pl.len()).collect().item())
        if count:
            counts[name] = count
            shaped = _shaped(name, version, frame)
            shaped.sink_csv(folder / f"{name}.csv", line_terminator="\r\n", quote_style="necessary", maintain_order=True)
    lines = ["propertyName,value", "manifest.version,1.0", f"oneroster.version,{version}"]
    lines += [f"file.{name},{'bulk' if name in counts else 'absent'}" for name in STANDARD_FILES[version]]
    lines += ["source.systemName,Rollbook", "source.systemCode,rollbook"]
    (folder / "manifest.csv").write_bytes("".join(f"{line}\r\n" for line in lines).encode())
    return counts


def _shaped(name: str, version: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    """Give a frame the columns of its file, and those of its metadata after them."""
    present = frame.collect_schema().names()
    columns = {"sourcedId": pl.col("sourced_id")}
    for field in FILES[version][name]:
        source = field.column or field.heading
        if source in present:
            columns[field.heading] = _safe(pl.col(source)) if field.form in LISTS and field.column else pl.col(source)
    nothing = pl.lit(None, pl.String)
    shaped = [columns.get(heading, nothing).alias(heading) for heading in header(name, version)]
    # Roles have no row of their own in 1.1, and guardianships in neither: there is no metadata to be written for them.
    keys = _metadata_keys(frame) if "metadata" in present else []
    if keys:
        values = pl.col("metadata").str.json_decode(pl.Struct(dict.fromkeys(keys, pl.String)))
        shaped += [values.struct.field(key).alias(f"metadata.{key}") for key in keys]
    return frame.select(shaped)


def _metadata_keys(frame: pl.LazyFrame) -> list[str]:
    """Name the columns outside the standard that some row has. The object holds texts alone, so keys and values take turns."""
    texts = pl.col("metadata").str.extract_all(r'"(?:[^"\\]|\\.)*"')
    keys = frame.select(texts.list.gather_every(2).alias("key")).explode("key").drop_nulls().unique().collect(engine="streaming")
    return sorted(json.loads(key) for key in keys["key"])


def _safe(cell: pl.Expr) -> pl.Expr:
    """Write a list so that it is read back as it is: one entry with a semicolon or a bar would else be taken for several."""
    one = ~cell.str.contains(",", literal=True) & cell.str.contains(r"[;|]")
    return pl.when(one).then(cell + ",").otherwise(cell)


def _with_safe(frame: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return frame.with_columns(_safe(pl.col(column)).alias(column))


def _agents(rows: Rows) -> pl.LazyFrame:
    """List the guardians of each student, at the student."""
    listed = (
        rows["guardianship"].group_by(sourced_id="student").agg(agentSourcedIds=pl.col("guardian").unique().sort().str.join(","))
    )
    return _with_safe(listed, "agentSourcedIds")


def _roles_1_1(rows: Rows) -> pl.LazyFrame:
    """Give each role the word that 1.1 has for it, or its nearest one, or null; administrators are told apart by where they are.

    Gives: `word`, and whether it is only `near`. A nearest word gives way to an exact one of the same person.
    """
    wide = rows["org"].select(org=pl.col("sourced_id"), wide=pl.col("type").is_in(WIDE_ORGS))
    at = pl.col("wide").fill_null(False)
    administrator = pl.col("role") == pl.when(at).then(pl.lit(ADMINISTRATORS[1])).otherwise(pl.lit(ADMINISTRATORS[0]))
    known = pl.col("role").is_in([word for word in USER_ROLES_1_1 if word != "administrator"])
    exact = pl.when(known).then("role").when(administrator).then(pl.lit("administrator"))
    added = pl.when(pl.col("role").str.starts_with("ext:")).then(pl.lit(NEAREST_ADDED))
    nearest = pl.coalesce(pl.col("role").replace_strict(NEAREST_1_1, default=None, return_dtype=pl.String), added)
    others = pl.when(nearest.is_not_null()).then(pl.col("exact").drop_nulls().first().over("person"))
    roles = rows["role"].join(wide, on="org", how="left").with_columns(exact=exact)
    return roles.with_columns(word=pl.coalesce("exact", others, nearest), near=pl.col("exact").is_null() & nearest.is_not_null())


def _nearest(roles: pl.LazyFrame) -> Iterator[str]:
    """Say which roles are written as another one that 1.1 has a word for."""
    near = roles.filter("near").group_by("role", "word").agg(pl.col("person").n_unique()).sort("role", "word").collect()
    for role, word, n in near.iter_rows():
        who = "1 person who is" if n == 1 else f"{n:,} people who are"
        yield f"{who} '{role}' will be read as '{word}', the nearest word of OneRoster 1.1. 1.2 keeps them as they are."


def _nameless(rows: Rows) -> Iterator[str]:
    """Say that people without a username are among the users, of whom OneRoster wants one each."""
    n = int(rows["person"].filter(pl.col("username").is_null()).select(pl.len()).collect().item())
    if n:
        who = "1 person has" if n == 1 else f"{n:,} people have"
        yield f"{who} no username. OneRoster wants one in each row, so others may leave these people out; Rollbook does not."


def _odd_roles(rows: Rows, roles: pl.LazyFrame) -> Iterator[str]:
    per_person = roles.group_by("person").agg(n=pl.col("word").n_unique())
    several = per_person.filter(pl.col("n") > 1).select(sourced_id="person")
    without = rows["person"].select("sourced_id").join(roles.select(sourced_id="person"), on="sourced_id", how="anti")
    unknown = roles.filter(pl.col("word").is_null()).select(sourced_id="person").unique()
    second = roles.filter(pl.col("role_type") != ROLE_TYPES[0]).select(sourced_id="person").unique()
    comma = roles.filter(pl.col("org").str.contains(",", literal=True)).select(sourced_id="person").unique()
    yield from _counted(several, "has several roles", "have several roles")
    yield from _counted(without, "has no role", "have no role")
    yield from _counted(unknown, "has a role that 1.1 has no word for", "have a role that 1.1 has no word for")
    yield from _counted(second, "has a role that is not the primary one", "have a role that is not the primary one")
    yield from _counted(comma, "is at a school whose id has a comma", "are at a school whose id has a comma")


def _counted(people: pl.LazyFrame, one: str, many: str) -> Iterator[str]:
    found = people.sort("sourced_id").collect()["sourced_id"]
    if len(found):
        yield f"{len(found):,} {f'person {one}' if len(found) == 1 else f'people {many}'}, such as '{found[0]}'"


def _odd_words(rows: Rows) -> Iterator[str]:
    """Find words beyond the standard's own, which 1.2 lets a system add."""
    for name, entity in OWNER.items():
        for field in FILES["1.1"].get(name, ()):
            if field.form is Form.WORD and field.column:
                odd = rows[entity].filter(~pl.col(field.column).is_in(field.words)).select(pl.col(field.column).first())
                word = odd.collect().item()
                if word is not None:
                    yield f"{name} has the {field.heading} '{word}'"
