"""How the files become the rows of the roster: one model, shaped like 1.2, whichever version they have."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from rollbook.connectors.oneroster import forms, two_rows
from rollbook.connectors.oneroster.faults import Fault, fault, frame_of, judge, marked
from rollbook.connectors.oneroster.forms import Check, Manner
from rollbook.connectors.oneroster.sheet import Sheet
from rollbook.connectors.oneroster.vocabulary import KEY, RELATIONSHIPS, STATUS, WIDE_ORGS
from rollbook.domain.findings import Level
from rollbook.lib.columnar import row_hash

NOBODY = pl.lit(None, pl.String)

_EXPORT_AGAIN = "Fill it in in the source, then export again."


@dataclass(frozen=True)
class Built:
    """Rows, whether some row could not be told apart, the rows that some check marks, and how to tell the faults of those."""

    frame: pl.LazyFrame
    partial: bool
    marks: tuple[pl.LazyFrame, ...]
    tell: Callable[[Sequence[pl.LazyFrame]], Iterator[pl.DataFrame]]  # takes the marks, wherever they lie by now
    manner: str = ""  # how odd rows were read, where another release read them otherwise: a part of the fingerprint


def build(entity: str, sheets: dict[str, Sheet], manners: dict[str, Manner], joined: pl.DataFrame = two_rows.NONE) -> Built:
    """Build the rows of one entity from the files that it depends on; `joined` names the rows of users that are one person."""
    if entity == "guardianship":
        return guardianships(sheets, joined)
    if entity == "role":
        return roles_of_users(sheets, joined) if "users" in sheets else roles(sheets["roles"], manners["roles"])
    (sheet,) = sheets.values()
    return rows_of(sheet, manners[sheet.standard], joined)


def headings(entity: str, sheets: dict[str, Sheet]) -> dict[str, str]:
    """Name the heading that each column of an entity is made of."""
    if entity == "guardianship":
        return dict.fromkeys(("student", "guardian"), "agentSourcedIds")
    if entity == "role" and "users" in sheets:
        return {"person": KEY.heading, "org": "orgSourcedIds"}
    (sheet,) = sheets.values()
    return {field.column: field.heading for field in sheet.fields.values() if field.column}


def rows_of(sheet: Sheet, manner: Manner, joined: pl.DataFrame) -> Built:
    """Build an entity that has a file of its own, row for row."""
    readings = {field.column: forms.read(field, manner) for field in sheet.fields.values() if field.column}
    values = [reading.value.alias(column) for column, reading in readings.items()]
    checks = [*key_checks(sheet), *status_checks(sheet), *(check for reading in readings.values() for check in reading.checks)]
    if {"subjects", "subjectCodes"} <= sheet.fields.keys():
        checks.append(SUBJECTS_AND_CODES)
    is_users = sheet.standard == "users"
    key = pl.when(~sheet.keyless).then("sourcedId")
    if is_users:
        # What is wrong in a row that was joined to another does not make the other unfit.
        key = pl.when(~two_rows.is_alias("sourcedId", joined)).then(key)

    def tell(marks: Sequence[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
        yield sheet.own_faults()
        if is_users:
            yield two_rows.notes(sheet, joined)
        yield from judge(marks[0], sheet.came, checks)

    frame = sheet.sound().select(*values, *origin(sheet))
    if is_users:
        frame = two_rows.one_row(frame, joined)
    elif "person" in readings:
        frame = frame.with_columns(person=two_rows.person("person", joined))
    return Built(frame, sheet.doubtful, (marked(sheet.cells(), checks, key),), tell)


# --- role ---


def roles_of_users(sheets: dict[str, Sheet], joined: pl.DataFrame) -> Built:
    """Build the roles of 1.1: each row has one, at each of some orgs.

    Units: a row whose role or orgs cannot be told has no key, for the role is a part of it.
    """
    users = sheets["users"]
    manner = Manner(users.version)
    role, orgs = (forms.read(users.fields[heading], manner) for heading in ("role", "orgSourcedIds"))
    clear = forms.is_word(users.fields["role"], pl.col("role"), users.version) & ~forms.no_key(pl.col("orgSourcedIds"))
    kinds = kinds_of_orgs(sheets.get("orgs"))
    where = pl.when(pl.col("org").is_in(kinds.wide)).then(pl.lit("districtAdministrator")).otherwise(pl.lit("siteAdministrator"))
    frame = (
        users.sound()
        .filter(clear)
        .select(
            "line",
            "sourcedId",
            person=two_rows.person("sourcedId", joined),
            role=role.value,
            org=forms.entries(pl.col("orgSourcedIds")).list.unique(maintain_order=True),
        )
        .explode("org")
        .drop_nulls("org")
        .filter((pl.col("role") != "administrator") | ~kinds.untold(pl.col("org")))
        .with_columns(role=pl.when(pl.col("role") == "administrator").then(where).otherwise(pl.col("role")))
        .select(
            sourced_id=forms.content_key(pl.col("person"), pl.col("org"), pl.col("role")),
            person="person",
            org="org",
            role="role",
            role_type=role_type(joined),
            source_file=pl.lit(users.came),
            line="line",
        )
    )
    checks = [
        *role.checks,
        *orgs.checks,
        is_empty("role", "A person without a role cannot be placed."),
        is_empty("orgSourcedIds", "A person without a school cannot be placed."),
        is_illegible("orgSourcedIds"),
        ADMINISTRATOR,
    ]
    partial = any(sheet.doubtful for sheet in sheets.values()) or users.has({"role", "orgs"}, ~clear)
    astray = False
    if kinds.some_untold:
        checks.append(administrator_somewhere(kinds))
        astray = not users.cells().filter(checks[-1].when).head(1).collect().is_empty()
    marks = (marked(users.cells(), checks, NOBODY),)
    told = "administrators somewhere" if astray else ""
    return Built(frame, partial or astray, marks, lambda marks: judge(marks[0], users.came, checks), told)


def role_type(joined: pl.DataFrame) -> pl.Expr:
    """Say which role is the primary one. There is one at each org: that of the row that was kept, or else of the first."""
    if joined.is_empty():
        return pl.lit("primary")
    place = pl.when(pl.col("sourcedId") == pl.col("person")).then(pl.lit("")).otherwise("sourcedId")
    return pl.when(place == place.min().over("person", "org")).then(pl.lit("primary")).otherwise(pl.lit("secondary"))


@dataclass(frozen=True)
class Kinds:
    """Which orgs are wider than a school, and which ones nobody can tell of: an administrator's role hangs on it."""

    wide: list[str]
    untold: Callable[[pl.Expr], pl.Expr]
    some_untold: bool = True


def kinds_of_orgs(orgs: Sheet | None) -> Kinds:
    """Tell the orgs by their types. There are some hundred orgs, so they are read at once."""
    if orgs is None:
        return Kinds([], lambda org: org.is_not_null())
    kind = pl.col("type").str.to_lowercase()
    told = forms.is_word(orgs.fields["type"], pl.col("type"), orgs.version)
    rows = orgs.sound().select(org="sourcedId", wide=pl.when(told).then(kind.is_in(WIDE_ORGS))).collect()
    clear = rows.group_by("org").agg(
        pl.col("wide").first(), clear=pl.col("wide").is_not_null().all() & (pl.col("wide").n_unique() == 1)
    )
    wide = clear.filter("clear", "wide")["org"].to_list()
    if orgs.doubtful:  # any other org may be in the rows that could not be read
        known = clear.filter("clear")["org"].to_list()
        return Kinds(wide, lambda org: ~org.is_in(known))
    untold = clear.filter(~pl.col("clear"))["org"].to_list()
    return Kinds(wide, lambda org: org.is_in(untold), bool(untold))


def administrator_somewhere(kinds: Kinds) -> Check:
    """Give the check that finds administrators at orgs of which nobody can tell."""
    return Check(
        "administrator_somewhere",
        Level.ERROR,
        "orgSourcedIds",
        (pl.col("role").str.to_lowercase() == "administrator")
        & forms.entries(pl.col("orgSourcedIds")).list.eval(kinds.untold(pl.element())).list.any(),
        "no row of orgs.csv says readably whether '{value}' is a school or a district, so nobody can say which administrator "
        "this is. The role was left out, and until then nobody is taken to have lost a role.",
        "Export orgs.csv with a type that OneRoster knows in each row.",
    )


def roles(sheet: Sheet, manner: Manner) -> Built:
    """Build the roles of 1.2, which have a file of their own, and ids that are not used (see `Sheet.keys`)."""
    readings = {field.heading: (field.column, forms.read(field, manner)) for field in sheet.fields.values() if field.column}
    clear = forms.is_word(sheet.fields["role"], pl.col("role"), sheet.version)
    key = forms.content_key(pl.col("userSourcedId"), pl.col("orgSourcedId"), readings["role"][1].value)
    values = [reading.value.alias(str(column)) for column, reading in readings.values()]
    frame = sheet.sound().filter(clear).select(key.alias("sourced_id"), *values, *origin(sheet))
    if sheet.survey.twice:
        names = [name for name in frame.collect_schema().names() if name != "line"]
        frame = frame.unique(names, keep="first", maintain_order=True)
    past = earlier_periods(frame) if "dated" in sheet.survey.alarms else pl.Series("line", [], pl.Int64)
    if len(past):
        frame = frame.filter(~pl.col("line").is_in(past.implode()))
    checks = [
        *key_checks(sheet),
        *status_checks(sheet),
        *(check for _, reading in readings.values() for check in reading.checks),
        is_empty("role", "A person without a role cannot be placed."),
    ]

    def tell(marks: Sequence[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
        yield sheet.own_faults()
        if sheet.survey.twice:
            yield said_twice(sheet)
        if len(past):
            yield frame_of([said_of_periods(sheet, past)])
        yield from judge(marks[0], sheet.came, checks)

    marks = (marked(sheet.cells(), checks, pl.when(~sheet.keyless & clear).then(key)),)
    return Built(frame, sheet.doubtful or sheet.has({"role"}, ~clear), marks, tell, "latest periods" if len(past) else "")


def earlier_periods(roles: pl.LazyFrame) -> pl.Series:
    """Return the lines of rows that give a role for another period than the latest one: who has a role has it once.

    Units: the latest is the one that ends last, or has no end. Where several are, their rows collide, as all others do.
    """
    keys = roles.select(pl.col("sourced_id").hash()).collect(engine="streaming").to_series()
    if not keys.is_duplicated().any():
        return pl.Series("line", [], pl.Int64)
    several = roles.filter(pl.col("sourced_id").hash().is_in(keys.filter(keys.is_duplicated()).unique().implode())).collect()
    dates = [name for name in ("begin_date", "end_date") if name in several.columns]
    nothing = {"begin_date": "", "end_date": "9999-12-31"}
    period = pl.concat_str([pl.col(name).fill_null(nothing[name]) for name in reversed(dates)], separator=" ")
    several = several.with_columns(period=period, last=period.max().over("sourced_id"))
    is_last = pl.col("period") == pl.col("last")
    return several.filter(~is_last & (is_last.sum().over("sourced_id") == 1))["line"].sort()


def said_of_periods(sheet: Sheet, past: pl.Series) -> Fault:
    """Return a note that counts the rows of other periods."""
    rows = "1 row gives" if len(past) == 1 else f"{len(past):,} rows give"
    text = f"{sheet.came}: {rows} a role of the same person at the same place for another period. The latest period was taken."
    return fault(Level.NOTE, "role_periods", sheet.came, text, line=past[0], count=len(past))


def said_twice(sheet: Sheet) -> pl.DataFrame:
    """Return a note that counts the rows that say no more than a row before."""
    hashed = sheet.cells().with_columns(hash=row_hash(list(sheet.places)))
    count, line = hashed.filter(~pl.col("hash").is_first_distinct()).select(pl.len(), pl.col("line").min()).collect().row(0)
    text = f"{sheet.came}: {count:,} {'row says' if count == 1 else 'rows say'} the same as another row. Taken once."
    return frame_of([fault(Level.NOTE, "said_twice", sheet.came, text, line=line, count=count)] if count else [])


# --- guardianship ---


def guardianships(sheets: dict[str, Sheet], joined: pl.DataFrame) -> Built:
    """Build which adult belongs to which child: the two that a user's agents name, told apart by their roles."""
    users, with_roles = sheets["users"], sheets.get("roles", sheets["users"])
    agents = pl.col("agentSourcedIds")
    # A role that cannot be read hides who is the child, and the relationship; both are parts of the key.
    no_role = with_roles.has({"role"}, ~forms.is_word(with_roles.fields["role"], pl.col("role"), users.version))
    pairs = pairs_of(users, with_roles, joined, no_role=no_role)
    names = ["student", "guardian", "relationship"]
    key = forms.content_key(*map(pl.col, names))
    frame = (
        pairs.filter(pl.col("one") != pl.col("other"))
        .group_by(names)
        .agg(pl.col("line").min())
        .select(key.alias("sourced_id"), *names, pl.lit(users.came).alias("source_file"), "line")
    )
    checks = [*forms.read(users.fields["agentSourcedIds"], Manner(users.version)).checks, is_illegible("agentSourcedIds")]

    def tell(marks: Sequence[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
        yield from judge(marks[0], users.came, checks)
        yield from judge(marks[1], users.came, GUESSES)

    partial = users.doubtful or with_roles.doubtful or no_role or users.has({"agents"}, forms.illegible(agents))
    marks = (marked(users.cells(), checks, NOBODY), marked(pairs, GUESSES, pl.when(~SELF).then(key)))
    return Built(frame, partial, marks, tell)


def pairs_of(users: Sheet, with_roles: Sheet, joined: pl.DataFrame, *, no_role: bool) -> pl.LazyFrame:
    """Return a row for each agent that a user lists: `line`, `one` (who lists), `other` (who is listed), who of them is
    `student` and who `guardian`, their `relationship`, and whether a child is `known` among them.

    Whoever may have a role in a row that cannot be read (there are such if `no_role`) is in none of them: nobody can say
        what they are to each other.
    """
    (person,) = {"sourcedId", "userSourcedId"} & with_roles.places.keys()
    role = pl.col("role").str.to_lowercase()
    bits = {word: 1 << bit for bit, word in enumerate(("student", *RELATIONSHIPS))}
    is_a = role.replace_strict(bits, default=0, return_dtype=pl.Int16)
    unclear = 1 << len(bits)
    if no_role:
        is_a = pl.when(forms.is_word(with_roles.fields["role"], pl.col("role"), users.version)).then(is_a).otherwise(unclear)
    nobody = forms.no_key(pl.col(person))
    rows = with_roles.cells().filter(~nobody) if "key" in with_roles.survey.alarms else with_roles.cells()
    known = rows.select(person=person, roles=is_a).group_by("person").agg(pl.col("roles").bitwise_or())
    if not joined.is_empty():
        # Who is the child is told by the row's own role; what the adult is, by all roles that the person has.
        every = pl.col("roles").bitwise_or().over(two_rows.person("person", joined))
        known = known.with_columns(roles=(pl.col("roles") & bits["student"]) | (every - (every & bits["student"])))
    listed = (
        users.sound()
        .filter(~forms.no_key(pl.col("agentSourcedIds")))
        .select("line", one="sourcedId", other=forms.entries(pl.col("agentSourcedIds")).list.unique(maintain_order=True))
        .explode("other")
        .drop_nulls("other")
    )
    both = listed
    for side in ("one", "other"):
        both = both.join(known.rename({"roles": f"{side}_roles"}), left_on=side, right_on="person", how="left")
    if with_roles.table.refused_path is not None or with_roles.has({"key"}, nobody):
        both = both.drop_nulls(["one_roles", "other_roles"])
    one, other = pl.col("one_roles").fill_null(0), pl.col("other_roles").fill_null(0)
    if no_role:
        both = both.filter((one | other) & unclear == 0)
    one_is, other_is = one & bits["student"] != 0, other & bits["student"] != 0
    turned = ~one_is & other_is
    adult = pl.when(turned).then(one).otherwise(other)
    told = both.select(
        "line",
        "one",
        "other",
        student=pl.when(turned).then(pl.col("other")).otherwise(pl.col("one")),
        guardian=pl.when(turned).then(pl.col("one")).otherwise(pl.col("other")),
        relationship=pl.coalesce(pl.when(adult & bits[word] != 0).then(pl.lit(word)) for word in RELATIONSHIPS),
        known=one_is | other_is,
    )
    return told.with_columns(two_rows.person(side, joined) for side in ("student", "guardian"))


# --- what several have in common ---


def origin(sheet: Sheet) -> list[pl.Expr]:
    """Give the columns that every file has: what stands outside the standard, and where the row was."""
    extra = [forms.metadata(sheet.metadata).alias("metadata")] if sheet.metadata else []
    return [*extra, pl.lit(sheet.came).alias("source_file"), pl.col("line")]


def key_checks(sheet: Sheet) -> list[Check]:
    """Give the checks that find rows without a key."""
    if "key" not in sheet.survey.alarms:
        return []
    text = "is empty or cannot be read, so nobody can say whose row this is."
    return [Check("no_key", Level.ERROR, key, forms.no_key(pl.col(key)), f"{key} {text}", _EXPORT_AGAIN) for key in sheet.keys]


def is_empty(heading: str, why: str) -> Check:
    return Check("empty", Level.ERROR, heading, pl.col(heading).is_null(), f"{heading} is empty. {why}", _EXPORT_AGAIN)


def is_illegible(heading: str) -> Check:
    text = f"{heading} has a letter that cannot be read, so nobody can say what it names."
    return Check(
        "no_key", Level.ERROR, heading, forms.illegible(pl.col(heading)), text, "Correct it in the source, then export again."
    )


def status_checks(sheet: Sheet) -> list[Check]:
    """Give the checks of `status` in a complete file; rows marked tobedeleted have stopped the import before."""
    if STATUS.heading not in sheet.fields:
        return []
    cell = pl.col(STATUS.heading)
    active = cell.str.to_lowercase() == "active"
    return [
        Check(
            "bulk_status",
            Level.NOTE,
            STATUS.heading,
            active,
            "status is filled in {rows} of a complete file; OneRoster wants it and the date of change empty. Ignored.",
        ),
        Check(
            "status",
            Level.ERROR,
            STATUS.heading,
            ~active,
            "status '{value}' is not a word of OneRoster. In a complete file it is empty.",
            "If the row is no longer valid, leave it out of the export; else leave its status empty.",
        ),
    ]


SUBJECTS_AND_CODES = Check(
    "subjects_and_codes",
    Level.WARNING,
    "subjects",
    forms.entries(pl.col("subjects")).list.len() != forms.entries(pl.col("subjectCodes")).list.len(),
    "subjects and subjectCodes do not have the same number of entries. Kept as they are.",
    "List as many codes as subjects, in the same order.",
)

ADMINISTRATOR = Check(
    "administrator",
    Level.NOTE,
    "role",
    pl.col("role").str.to_lowercase() == "administrator",
    "role in {rows} is 'administrator'; read as districtAdministrator at a district, else as siteAdministrator.",
)

SELF = pl.col("one") == pl.col("other")

GUESSES = (
    Check(
        "agent_of_nobody",
        Level.WARNING,
        "agentSourcedIds",
        ~pl.col("known") & ~SELF,
        "neither of {value} is a student. The first was taken to be the child.",
        "Give the child the role of a student, or take the link out, then export again.",
        shows=pl.format("'{}' and '{}'", "one", "other"),
    ),
    Check(
        "agent_of_self",
        Level.WARNING,
        "agentSourcedIds",
        SELF,
        "'{value}' is listed as an agent of the same person. Left out.",
        "Take the link out in the source, then export again.",
        shows=pl.col("one"),
    ),
)
