"""A person with two roles has two rows in a users.csv of 1.1; here they are found, and made one where somebody said so."""

import polars as pl

from rollbook.connectors.oneroster import forms
from rollbook.connectors.oneroster.faults import frame_of
from rollbook.connectors.oneroster.sheet import Sheet
from rollbook.connectors.oneroster.vocabulary import RELATIONSHIPS
from rollbook.domain.findings import Level

#: `alias`, an id that is not kept, where it stands (`line`), and the id that is kept: `person`, at `person_line`.
NONE = pl.DataFrame(schema={"alias": pl.String, "line": pl.Int64, "person": pl.String, "person_line": pl.Int64})

#: What tells that two rows may be one person, and what must then be the same, too: a number alone is a weak proof, for
#: staff and students are often counted apart, and a family may share one username.
SHARED, NAMES = ("username", "identifier"), ("givenName", "familyName")


def hashes(users: Sheet) -> pl.LazyFrame:
    """Return, a column each, the hashes of what may be shared: most files need no other look."""
    return users.sound().select(
        pl.when(pl.col(heading).is_not_null()).then(pl.col(heading).str.to_lowercase().hash())
        for heading in SHARED
        if heading in users.places
    )


def found(users: Sheet, hashed: pl.LazyFrame) -> pl.DataFrame:
    """Find rows that are one person: same full name, same username or identifier, another role.

    Shape: see NONE. `hashed` is what `hashes` gives; only where some value comes twice, the file is scanned.
    Units: all without regard to case. Where a role comes twice, or one row is another's agent, nobody is taken to be one.
    """
    if not any(value.drop_nulls().is_duplicated().any() for value in hashed.collect()):
        return NONE
    shared = [pl.col(heading).str.to_lowercase() for heading in SHARED if heading in users.places]
    is_shared = pl.any_horizontal(value.is_duplicated() & value.is_not_null() for value in shared)
    rows = _read(users, is_shared)
    ids = rows.select("root", "sourcedId", "role").unique()
    sure = ids.group_by("root").agg(
        clear=(pl.len() == pl.col("role").n_unique()) & (pl.col("sourcedId").n_unique() > 1),
    )
    rows = rows.join(sure.filter("clear"), on="root", how="semi").join(_families(rows), on="root", how="anti")
    # Classes name the row of who works or learns at a school, and its id is the one that others know.
    first = rows.sort(pl.col("role").is_in(RELATIONSHIPS), "sourcedId", "line").unique("root", keep="first")
    return (
        rows.join(first.select("root", person="sourcedId", person_line="line"), on="root")
        .filter(pl.col("sourcedId") != pl.col("person"))
        .sort("line")
        .unique("sourcedId", keep="first", maintain_order=True)
        .select(alias="sourcedId", line="line", person="person", person_line="person_line")
    )


def _read(users: Sheet, is_shared: pl.Expr) -> pl.DataFrame:
    """Read the rows that share a value with another, those with the same `root` being linked."""
    headings = [heading for heading in (*SHARED, *NAMES) if heading in users.places]
    agents = "agentSourcedIds"
    listed = forms.entries(pl.col(agents)) if agents in users.places else pl.lit(None, pl.List(pl.String))
    known = forms.is_word(users.fields["role"], pl.col("role"), users.version)
    rows = (
        users.sound()
        .select(
            "line",
            "sourcedId",
            known.alias("known"),
            *[pl.col(name).str.to_lowercase() for name in ("role", *headings)],
            agents=listed,
        )
        .filter(is_shared)
        .collect()
    )
    users.unchanged()
    rows = rows.filter(pl.col("known") & pl.all_horizontal(pl.col(name).is_not_null() for name in NAMES))
    rows = rows.with_columns(root="sourcedId")
    # Usernames link, then identifiers link what usernames linked, then once more; what a longer chain links stays apart.
    for link in (*headings[: -len(NAMES)], "sourcedId", headings[0]):
        linked = pl.col("root").min().over(link, *NAMES)
        rows = rows.with_columns(root=pl.when(pl.col(link).is_null()).then("root").otherwise(linked))
    return rows.filter(pl.col("root").n_unique().over("sourcedId") == 1)


def _families(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the roots under which one row lists another as its agent: those are two people, whatever they share."""
    agents = rows.select("root", one="sourcedId", sourcedId="agents").explode("sourcedId").drop_nulls("sourcedId")
    return agents.join(rows, on=["root", "sourcedId"], how="semi").filter(pl.col("one") != pl.col("sourcedId"))


def question(users: Sheet, pairs: pl.DataFrame) -> str:
    """Ask whether they are one."""
    number, example = pairs["person"].n_unique(), pairs.sort("alias").row(0, named=True)
    people = "1 person seems" if number == 1 else f"{number:,} people seem"
    return (
        f"{users.came}: {people} to have a row for each role, with the same name, and the same username or identifier, such as "
        f"'{example['person']}' and '{example['alias']}'. Are they one? Answer in the setup of this source: 'join' makes each of "
        "them one person with all roles; 'apart' imports a person for each row, as approving this import does."
    )


def notes(users: Sheet, pairs: pl.DataFrame) -> pl.DataFrame:
    """Say which rows were joined."""
    text = pl.format(
        f"{users.came} line {{}}: '{{}}' is the same person as '{{}}' in line {{}}, in another role. Joined as '{{}}'.",
        *("line", "alias", "person", "person_line", "person"),
    )
    nothing = pl.lit(None, pl.String)
    return pl.concat(
        [
            frame_of([]),
            pairs.select(
                entity=nothing,
                level=pl.lit(Level.NOTE.value),
                rule=pl.lit("two_rows_joined"),
                file=pl.lit(users.came),
                line="line",
                field=pl.lit("sourcedId"),
                sourced_id="person",
                message=text,
                remedy=nothing,
                count=pl.lit(1, pl.Int64),
            ),
        ]
    )


def person(column: str, pairs: pl.DataFrame) -> pl.Expr:
    """Say whom an id means."""
    return pl.col(column) if pairs.is_empty() else pl.col(column).replace(pairs["alias"], pairs["person"])


def is_alias(column: str, pairs: pl.DataFrame) -> pl.Expr:
    """Say whether an id is one that is not kept."""
    return pl.col(column).is_in(pairs["alias"].implode())


def one_row(people: pl.LazyFrame, pairs: pl.DataFrame) -> pl.LazyFrame:
    """Leave out the rows that are not kept; what is empty in a row that is kept comes from them."""
    if pairs.is_empty():
        return people
    names = people.collect_schema().names()
    # Whether somebody may sign in is said by the row that is kept, and by nothing else.
    values = [name for name in names if name not in ("sourced_id", "enabled", "source_file", "line")]
    aside = is_alias("sourced_id", pairs)
    others = (
        people.filter(aside)
        .sort("sourced_id", "line")
        .group_by(person("sourced_id", pairs), maintain_order=True)
        .agg(pl.col(name).drop_nulls().first().alias(f"other {name}") for name in values)
    )
    return (
        people.filter(~aside)
        .join(others, on="sourced_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce(name, f"other {name}") for name in values)
        .select(names)
    )
