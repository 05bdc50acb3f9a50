"""Accounts follow the roster: who comes gets one, pending; what changes, changes; who leaves is out; who returns is back."""

from datetime import datetime

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.entities import PERSON, ROLE
from rollbook.domain.usernames import UsernameRule
from rollbook.domain.words import KIND_OF_ROLE
from rollbook.lib import clock
from rollbook.pipeline import usernames
from rollbook.store import account_states, audit, overrides
from rollbook.store import usernames as kept
from rollbook.store.following import CHANGED, Following
from rollbook.store.models import Run
from rollbook.store.snapshots import RunFiles

#: As long as an address can be.
LONGEST_EMAIL = 254


def follow(run: Run, files: RunFiles) -> None:
    """Let accounts follow what a run has written.

    Needs: the transaction that has written it. Shape: the same number of statements for any number of people; none where no
        person and no role changed. Where nobody has followed a source before, it is about all of its people.
    """
    people, renamed = touched(files)
    everybody = not run.source.followed
    if not everybody and not len(people):
        return
    following = Following(run.district_id, run.source_id)
    if everybody:
        following.about_everybody()
    else:
        following.about(people)
    counts = _follow(following, run.district_id, renamed, clock.now())
    if any(counts.values()):
        audit.note(run.district_id, run.answered_by or run.by, "accounts.followed", run.name, **counts)


def follow_person(district: int, source: int, sourced_id: str, anew: int | None = None) -> None:
    """Let the accounts of one person follow what is said of them now, by the source or over it. Needs: a transaction.

    The account `anew` gets a username by the rule, whatever it has.
    """
    people = pl.Series("sourced_id", [sourced_id])
    following = Following(district, source)
    following.about(people)
    _follow(following, district, people, clock.now(), anew)


def touched(files: RunFiles) -> tuple[pl.Series, pl.Series]:
    """Return, by `sourced_id`, whose own row or a role changed, and to whom the source gives another username."""
    found, renamed = [], pl.Series("sourced_id", [], pl.String)
    people = files.changes(PERSON)
    if people is not None:
        found.append(people.select("sourced_id"))
        if "username" in people.collect_schema().names():
            other = pl.col("kind").is_in([Change.ALTER.value, Change.RETURN.value]) & pl.col("username").ne_missing(
                pl.col("was.username")
            )
            renamed = people.filter(other).select("sourced_id").collect()["sourced_id"]
    roles = files.changes(ROLE)
    if roles is not None:
        # A role that ends has its person only as it was, a role that begins only as it is.
        for name in {"person", "was.person"} & set(roles.collect_schema().names()):
            found.append(roles.select(pl.col(name).alias("sourced_id")).drop_nulls())
    if not found:
        return renamed, renamed
    return pl.concat(found).unique().collect()["sourced_id"], renamed


def _follow(following: Following, district: int, renamed: pl.Series, at: datetime, anew: int | None = None) -> dict[str, int]:
    """Give `made`, `left`, `back` and `changed`."""
    rule = UsernameRule(kept.rule(district))
    seats = _seats(following.people(), following.roles(), rule)
    there = following.accounts()
    following.done()
    fresh = seats.join(there, on=("person", "kind"), how="anti")
    fresh = fresh.with_columns(pl.lit(None, pl.Int64).alias("account"), pl.lit(None, pl.String).alias("had"))
    own = there.filter(pl.col("by_hand") == 0).join(
        seats.rename({"name": "is.name", "email": "is.email"}), on=("person", "kind"), how="left"
    )
    own = own.with_columns(
        pl.col("sourced_id").is_not_null().alias("seat"), pl.when(pl.col("account").ne_missing(anew)).then("had").alias("had")
    )
    if rule != UsernameRule.SOURCE:
        renamed = renamed.clear()
    by_hand = list(overrides.named_by_hand(district)) if len(renamed) else []
    asking = [_asking(own, renamed, by_hand), fresh.filter(pl.col("base").is_not_null())]
    named = _named(pl.concat(each.select(usernames.ASKING) for each in asking), district)
    if fresh.height:
        new = fresh.join(named.filter(pl.col("account").is_null()), on=("person", "kind"), how="left")
        following.add(new, at, first=there.is_empty())
    changed = _changed(own.join(named.drop("person", "kind").drop_nulls("account"), on="account", how="left"))
    if changed.height:
        following.change(changed.select(CHANGED))
    if changed.filter(pl.col("seat") == 0).height:
        account_states.keep_who_gives_rights(district, changed.filter(pl.col("seat") == 0)["account"].to_list())
    return {
        "made": fresh.height,
        "left": changed.filter(pl.col("seat") == 0).height,
        "back": changed.filter("returns").height,
        "changed": changed.filter(pl.col("seat") == 1, ~pl.col("returns")).height,
    }


def _seats(people: pl.DataFrame, roles: pl.DataFrame, rule: UsernameRule) -> pl.DataFrame:
    """Return one row for each account that there should be: `person`, `kind`, `sourced_id`, `name`, `email`, `base`."""
    kinds = roles.select("sourced_id", pl.col("role").replace_strict(KIND_OF_ROLE, default="staff").alias("kind")).unique()
    email = pl.col("email").str.strip_chars().str.to_lowercase()
    fit = email.str.contains("@", literal=True) & (email.str.len_chars() <= LONGEST_EMAIL)
    live = people.filter(pl.col("live") == 1).select(
        "person",
        "sourced_id",
        pl.concat_str(pl.col("given_name", "family_name").replace("", None), separator=" ", ignore_nulls=True).alias("name"),
        pl.when(fit).then(email).otherwise(pl.lit("")).alias("email"),
        usernames.base(rule).alias("base"),
    )
    return live.join(kinds, on="sourced_id")


def _asking(own: pl.DataFrame, renamed: pl.Series, by_hand: list[int]) -> pl.DataFrame:
    """Return the accounts that should get another username, or a first one."""
    first = pl.col("had").is_null()
    follows = pl.col("sourced_id").is_in(renamed.implode()) & ~pl.col("account").is_in(by_hand)
    asks = pl.col("seat") & pl.col("base").is_not_null() & (first | (follows & (pl.col("base") != pl.col("had"))))
    return own.filter(asks)


def _named(asking: pl.DataFrame, district: int) -> pl.DataFrame:
    """Give usernames: `account`, `person`, `kind`, `username`, and in `wanted` what could not be given."""
    known = usernames.Known(lambda names: kept.exactly(district, names), lambda stems: kept.numbered(district, stems))
    return usernames.given(asking, known).select("person", "kind", "account", "username", usernames.wanted())


def _changed(own: pl.DataFrame) -> pl.DataFrame:
    """Return CHANGED, and `returns`, of those accounts of which something is other than it should be."""
    seat, inactive = pl.col("seat"), pl.col("state") == "inactive"
    other = pl.col("name").ne_missing(pl.col("is.name")) | pl.col("email").ne_missing(pl.col("is.email"))
    content = pl.col("wished").is_not_null() & (pl.col("base") == pl.col("had"))  # the source has come round
    asked = pl.col("username").is_not_null() | pl.col("wanted").ne_missing(pl.col("wished")) & pl.col("wanted").is_not_null()
    asked = asked | content.fill_null(False)
    back = pl.col("before_leaving") != ""
    return own.filter(pl.when(seat).then(other | asked | back).otherwise(~inactive)).select(
        "account",
        seat.cast(pl.Int64).alias("seat"),
        pl.col("is.name").alias("name"),
        pl.col("is.email").alias("email"),
        "username",
        asked.cast(pl.Int64).alias("wants"),
        "wanted",
        (seat & inactive & back).alias("returns"),
    )
