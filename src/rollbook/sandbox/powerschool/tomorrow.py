"""What may become of a district overnight: people leave, arrive and change, and classes with them."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from rollbook.domain.errors import ConfigError, NotFound
from rollbook.sandbox import names
from rollbook.sandbox.names import Dice
from rollbook.sandbox.powerschool.case_rows import FIRST_ID, LEAD, MAIL
from rollbook.sandbox.powerschool.district import counted
from rollbook.sandbox.powerschool.frames import Tables, put, shaped
from rollbook.sandbox.powerschool.people import plain_given


def step(tables: Tables, seed: int = 1, rate: float = 0.01, *, today: date) -> Tables:
    """Return the tables as they are on the next day; the edge cases stay as they were.

    Shape: of the active students a quarter of `rate` leave, a quarter arrive, a quarter have another last name, a quarter another
        address. Of the places in sections half of `rate` are dropped, and half of those taken up again at once. Of the sections
        `rate` are handed over to another teacher of the school. At least one of each, unless `rate` is 0.
    Units: `rate` 0 to 1. `today` is the new day.
    Errors: ConfigError for another rate.
    """
    if not 0 <= rate <= 1:
        raise ConfigError(fields={"rate": f"{rate} is not between 0 and 1"})
    if rate == 0:
        return tables
    dice = Dice(seed ^ today.toordinal() << 16)
    pool = _settled(tables["STUDENTS"], today)
    chosen = pool[dice.order("students", pool.height)]
    share = max(1, int(pool.height * rate / 4 + 0.5))
    leaving, renamed, moved, twins = (chosen[at * share : (at + 1) * share] for at in range(4))
    after = _leave(tables, leaving["ID"], today)
    after = _rename(after, renamed)
    after = _other_addresses(after, moved, today)
    after = _hand_over(after, rate, dice, today)
    after = _other_places(after, rate, dice, today, twins["ID"])
    after = _arrive(after, twins, dice, today)
    return after | {"SECTIONS": counted(after["SECTIONS"], after["CC"])}


def half_a_school_leaves(tables: Tables, school: int | None = None, seed: int = 1, *, today: date) -> Tables:
    """Return the tables after every second student of a school has left in one night: what a good import must not believe.

    Needs: `school` is a SCHOOL_NUMBER; the one with the most active students, if not given.
    Errors: NotFound if nobody who could leave is there.
    """
    pool = _settled(tables["STUDENTS"], today)
    if school is None:
        school = int(pool.group_by("SCHOOLID").len().sort("len", "SCHOOLID", descending=[True, False])["SCHOOLID"][0])
    there = pool.filter(pl.col("SCHOOLID") == school)
    if there.is_empty():
        raise NotFound(f"No active student is at school {school}, so nobody can leave it.")
    order = Dice(seed).order("half a school", there.height)
    after = _leave(tables, there["ID"].gather(order[: there.height // 2]), today)
    return after | {"SECTIONS": counted(after["SECTIONS"], after["CC"])}


def _settled(students: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the active students who began before that day, but for those of the edge cases."""
    began = pl.col("ENTRYDATE") < day.isoformat()
    return students.filter((pl.col("ENROLL_STATUS") == 0) & (pl.col("ID") < FIRST_ID) & began)


def _next(frame: pl.DataFrame, column: str) -> int:
    """Return the first id that is free, below those of the edge cases."""
    return int(frame.filter(pl.col(column) < FIRST_ID).select(pl.col(column).max()).item()) + 1


def _ids(table: Tables, name: str, column: str, count: int) -> pl.Series:
    first = _next(table[name], column)
    return pl.Series(column, np.arange(first, first + count))


def _end(cc: pl.DataFrame, at: pl.Expr, day: date) -> pl.DataFrame:
    """Return CC with those places ended: negated, and left on that day, or never begun."""
    left = pl.max_horizontal(pl.lit(day.isoformat()), "DATEENROLLED")
    return put(cc, at, SECTIONID=-pl.col("SECTIONID"), TERMID=-pl.col("TERMID"), DATELEFT=left)


def _open(day: date) -> pl.Expr:
    return (pl.col("SECTIONID") > 0) & (pl.col("DATELEFT") > day.isoformat())


def _leave(tables: Tables, ids: pl.Series, day: date) -> Tables:
    gone = pl.col("ID").is_in(ids.implode())
    students = put(tables["STUDENTS"], gone, ENROLL_STATUS=pl.lit(2), EXITDATE=pl.lit(day.isoformat()), EXITCODE=pl.lit("T1"))
    places = _open(day) & pl.col("STUDENTID").is_in(ids.implode())
    return tables | {"STUDENTS": students, "CC": _end(tables["CC"], places, day)}


def _rename(tables: Tables, who: pl.DataFrame) -> Tables:
    # Neighbors in the list of names: whatever the name was, it is another one now.
    turn = {name: names.FAMILY[at - 1] for at, name in enumerate(names.FAMILY)}
    other = who.select("ID", "PERSON_ID", last=pl.col("LAST_NAME").replace_strict(turn, return_dtype=pl.String))
    students = tables["STUDENTS"].join(other.select("ID", "last"), on="ID", how="left", maintain_order="left")
    students = put(
        students,
        pl.col("last").is_not_null(),
        LAST_NAME=pl.col("last"),
        LASTFIRST=pl.format("{}, {}", pl.col("last").fill_null(""), "FIRST_NAME"),
    )
    persons = tables["PERSON"].join(other.select("last", ID="PERSON_ID"), on="ID", how="left", maintain_order="left")
    persons = put(persons, pl.col("last").is_not_null(), LASTNAME=pl.col("last"))
    return tables | {"STUDENTS": students.drop("last"), "PERSON": persons.drop("last")}


def _other_addresses(tables: Tables, who: pl.DataFrame, day: date) -> Tables:
    """Give each of them another school address; whoever had none gets none."""
    ours = tables["PERSONEMAILADDRESSASSOC"].filter(
        pl.col("PERSONID").is_in(who["PERSON_ID"].implode()) & (pl.col("ISPRIMARYEMAILADDRESS") == 1)
    )
    changes = pl.col("EMAILADDRESSID").is_in(ours["EMAILADDRESSID"].implode())
    other = pl.col("EMAILADDRESS").str.replace("@", f".{day:%m%d}@", literal=True)
    return tables | {"EMAILADDRESS": put(tables["EMAILADDRESS"], changes, EMAILADDRESS=other)}


def _hand_over(tables: Tables, rate: float, dice: Dice, day: date) -> Tables:
    """Give sections another lead from that day on: the last day of the first is the day before."""
    now = day.isoformat()
    leads = tables["SECTIONTEACHER"].filter(
        (pl.col("ROLEID") == LEAD) & (pl.col("ID") < FIRST_ID) & (pl.col("START_DATE") < now) & (pl.col("END_DATE") >= now)
    )
    sections = tables["SECTIONS"].select(SECTIONID="ID", SCHOOLID="SCHOOLID")
    teachers = tables["SCHOOLSTAFF"].filter((pl.col("STATUS") == 1) & (pl.col("STAFFSTATUS") == 1) & (pl.col("ID") < FIRST_ID))
    # Each teacher's successor is the next one of the same school; who is alone there goes on.
    following = teachers.sort("SCHOOLID", "ID").select(
        TEACHERID="ID", follower=pl.col("ID").shift(-1).fill_null(pl.col("ID").first()).over("SCHOOLID")
    )
    pairs = leads.join(sections, on="SECTIONID", maintain_order="left").join(following, on="TEACHERID", maintain_order="left")
    pairs = pairs.filter(pl.col("follower") != pl.col("TEACHERID"))
    chosen = pairs[dice.order("hand-over", pairs.height)[: max(1, int(pairs.height * rate + 0.5))]]
    last = (day - timedelta(days=1)).isoformat()
    old = put(tables["SECTIONTEACHER"], pl.col("ID").is_in(chosen["ID"].implode()), END_DATE=pl.lit(last))
    new = chosen.with_columns(
        _ids(tables, "SECTIONTEACHER", "ID", chosen.height), TEACHERID=pl.col("follower"), START_DATE=pl.lit(now)
    )
    follows = chosen.select("SECTIONID", "follower")
    taught = tables["SECTIONS"].join(follows, left_on="ID", right_on="SECTIONID", how="left", maintain_order="left")
    taught = taught.with_columns(TEACHER=pl.coalesce("follower", "TEACHER")).drop("follower")
    cc = tables["CC"].join(follows, on="SECTIONID", how="left", maintain_order="left")
    cc = cc.with_columns(TEACHERID=pl.coalesce("follower", "TEACHERID")).drop("follower")
    teaching = pl.concat([old, shaped("SECTIONTEACHER", new)])
    return tables | {"SECTIONTEACHER": teaching, "SECTIONS": taught, "CC": cc}


def _other_places(tables: Tables, rate: float, dice: Dice, day: date, stay: pl.Series) -> Tables:
    """Drop some places in sections, and take up half of them again on the same day as new rows."""
    cc = tables["CC"]
    settled = _open(day) & (pl.col("DATEENROLLED") < day.isoformat()) & (pl.col("ID") < FIRST_ID)
    pool = cc.filter(settled & ~pl.col("STUDENTID").is_in(stay.implode()))
    chosen = pool[dice.order("places", pool.height)[: max(2, int(pool.height * rate / 2 + 0.5))]]
    back = chosen.head(chosen.height // 2)
    back = back.with_columns(
        _ids(tables, "CC", "ID", back.height), _ids(tables, "CC", "DCID", back.height), DATEENROLLED=pl.lit(day.isoformat())
    )
    return tables | {"CC": pl.concat([_end(cc, pl.col("ID").is_in(chosen["ID"].implode()), day), back])}


def _arrive(tables: Tables, twins: pl.DataFrame, dice: Dice, day: date) -> Tables:
    """Let as many new students in, each into the sections of one who is there already; they come without contacts."""
    count, now = twins.height, day.isoformat()
    old = tables["STUDENTS"]
    given = names.GIVENS.gather(dice.below("given", count, len(names.GIVENS)))
    state = old.select(STATE_STUDENTNUMBER=pl.col("STATE_STUDENTNUMBER").cast(pl.Int64))
    states = np.arange(count) * 7 + _next(state, "STATE_STUDENTNUMBER") + 6
    new = twins.with_columns(
        *(_ids(tables, "STUDENTS", column, count) for column in ("DCID", "ID", "STUDENT_NUMBER")),
        PERSON_ID=_ids(tables, "PERSON", "ID", count),
        STATE_STUDENTNUMBER=pl.Series(states).cast(pl.String),
        FIRST_NAME=given,
        LAST_NAME=names.FAMILIES.gather(dice.below("family", count, len(names.FAMILIES))),
        MIDDLE_NAME=pl.lit(None, pl.String),
        ENTRYDATE=pl.lit(now),
    ).with_columns(
        LASTFIRST=pl.format("{}, {}", "LAST_NAME", "FIRST_NAME"),
        STUDENT_WEB_ID=names.username(plain_given(given), pl.col("LAST_NAME"), pl.col("STUDENT_NUMBER")),
    )
    persons = new.select(
        _ids(tables, "PERSON", "DCID", count),
        ID="PERSON_ID",
        FIRSTNAME="FIRST_NAME",
        LASTNAME="LAST_NAME",
        ISACTIVE=pl.lit(1),
    )
    domain = tables["EMAILADDRESS"]["EMAILADDRESS"][0].partition("@")[2]  # students' addresses stand first
    emails = new.select(
        _ids(tables, "EMAILADDRESS", "EMAILADDRESSID", count),
        _ids(tables, "PERSONEMAILADDRESSASSOC", "PERSONEMAILADDRESSASSOCID", count),
        PERSONID="PERSON_ID",
        EMAILADDRESS=pl.format("{}@{}", "STUDENT_WEB_ID", pl.lit(domain)),
        ISPRIMARYEMAILADDRESS=pl.lit(1),
        EMAILADDRESSPRIORITYORDER=pl.lit(1),
        EMAILTYPECODESETID=pl.lit(MAIL),
    )
    like = pl.DataFrame({"STUDENTID": twins["ID"], "who": new["ID"]})
    places = tables["CC"].filter(_open(day)).join(like, on="STUDENTID", maintain_order="left")
    places = places.with_columns(
        _ids(tables, "CC", "ID", places.height),
        _ids(tables, "CC", "DCID", places.height),
        STUDENTID="who",
        STUDYEAR=pl.col("who") * 100 + pl.col("TERMID") // 100,
        DATEENROLLED=pl.max_horizontal(pl.lit(now), "DATEENROLLED"),
    )
    added = {
        "STUDENTS": new,
        "PERSON": persons,
        "EMAILADDRESS": emails,
        "PERSONEMAILADDRESSASSOC": emails,
        "CC": places,
    }
    return tables | {name: pl.concat([tables[name], shaped(name, frame)]) for name, frame in added.items()}
