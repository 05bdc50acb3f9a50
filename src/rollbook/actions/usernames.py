"""The rule by which people get usernames: tried before it is saved, and never against what somebody signs in with."""

from dataclasses import dataclass

import polars as pl
from django.db import transaction

from rollbook.actions.actor import Actor
from rollbook.domain.errors import ConfigError
from rollbook.domain.rights import Right
from rollbook.domain.usernames import UsernameRule
from rollbook.pipeline import usernames
from rollbook.store import audit
from rollbook.store import usernames as kept
from rollbook.store.models import Account, District

#: So many accounts are shown; the others are counted.
SHOWN = 50
#: So many are tried before a rule is saved, so that a district of any size waits a second.
TRIED = 20_000


@dataclass(frozen=True)
class Line:
    """What one account is called, and would be called; `base` is what the rule makes, where somebody else has that."""

    name: str
    kind: str
    had: str | None
    username: str | None
    base: str | None


@dataclass(frozen=True)
class Plan:
    """What a rule would do: numbers of accounts, and the first of those that would change, conflicts before others."""

    rule: UsernameRule
    open: int  # that are pending or have no username: no other is touched
    tried: int  # of these: all other numbers are about them
    changed: int
    numbered: int  # of these, with a number behind the name because somebody else has it
    without: int  # of which the rule can make nothing
    first: list[Line]


def rule_of(actor: Actor) -> UsernameRule:
    """Return the rule of the actor's district."""
    return UsernameRule(District.objects.values_list("username_rule", flat=True).get(pk=actor.district))


def named(text: str) -> UsernameRule:
    """Return a rule by its name. Raises ConfigError."""
    if text not in set(UsernameRule):
        raise ConfigError(fields={"rule": "is not one of the rules"})
    return UsernameRule(text)


def conflicts(actor: Actor) -> tuple[int, list[Account]]:
    """Return how many accounts cannot have the username that the rule gives, which others have or had; and the first."""
    actor.must(Right.ACCOUNTS)
    found = Account.objects.filter(district_id=actor.district, wanted__isnull=False).exclude(state="inactive")
    return found.count(), list(found.order_by("wanted", "pk")[:SHOWN])


def plan(actor: Actor, rule: UsernameRule) -> Plan:
    """Say what a rule would do, to TRIED accounts at most. Nothing is changed.

    Shape: four statements. Where not all were tried, two more of the same name may be among the others.
    """
    actor.must(Right.ACCOUNTS)
    rows = _renamed(actor.district, rule, TRIED)
    return _plan(rule, rows, rows.height if rows.height < TRIED else kept.count_open(actor.district))


def save(actor: Actor, rule: UsernameRule) -> Plan:
    """Make a rule the district's, and give accounts their usernames by it."""
    actor.must(Right.ACCOUNTS)
    with transaction.atomic():
        before = kept.rule(actor.district)
        rows = _renamed(actor.district, rule)
        done = _plan(rule, rows, rows.height)
        if before != rule:
            District.objects.filter(pk=actor.district).update(username_rule=rule)
            Account.objects.filter(district_id=actor.district, wanted__isnull=False).update(wanted=None)
        differs = _changes() | pl.col("wanted").is_not_null()
        kept.rename(actor.district, rows.filter(differs).select("account", "username", "wanted"))
        about = District.objects.get(pk=actor.district).name
        counts = {"changed": done.changed, "numbered": done.numbered}
        audit.note(actor.district, actor.name, "usernames.rule", about, was=before, now=rule.value, **counts)
    return done


def _renamed(district: int, rule: UsernameRule, most: int | None = None) -> pl.DataFrame:
    """Return the accounts that a rule may name, with the `username` that each would have, and what it `wanted`.

    Shape: who has what the rule makes already, with a number or without, keeps it, so that saving a rule twice changes nothing.
    """
    rows = pl.concat([kept.OPEN.to_frame(), *kept.open_to_change(district, most)])
    rows = rows.with_columns(usernames.base(rule).alias("base"))
    stem, had = usernames.stem("base"), pl.col("had")
    rest = had.str.strip_prefix(stem)
    fits = (had == pl.col("base")) | (had.str.starts_with(stem) & rest.str.contains("^[1-9][0-9]*$"))
    stays = pl.col("base").is_null() | fits.fill_null(False)
    asking = rows.filter(~stays).with_columns(pl.lit(None, pl.String).alias("had"))
    moving = asking["account"]

    def others(found: pl.DataFrame) -> pl.DataFrame:
        return found.filter(~pl.col("account").is_in(moving.implode()))

    known = usernames.Known(
        lambda names: others(kept.exactly(district, names)), lambda stems: others(kept.numbered(district, stems))
    )
    given = usernames.given(asking.select(usernames.ASKING), known).select("account", "username")
    found = rows.drop("username").join(given, on="account", how="left").with_columns(pl.coalesce("username", "had"))
    return found.with_columns(usernames.wanted())


def _changes() -> pl.Expr:
    return pl.col("username").ne_missing(pl.col("had"))


def _plan(rule: UsernameRule, rows: pl.DataFrame, number: int) -> Plan:
    changed = rows.filter(_changes()).sort(pl.col("wanted").is_null(), pl.coalesce("wanted", "username"), "username")
    name = pl.concat_str("given_name", "family_name", separator=" ", ignore_nulls=True).alias("name")
    first = changed.head(SHOWN).select(name, "kind", "had", "username", "wanted")
    return Plan(
        rule,
        number,
        rows.height,
        changed.height,
        changed["wanted"].count(),
        rows["username"].null_count(),
        [Line(*each) for each in first.iter_rows()],  # a page of them
    )
