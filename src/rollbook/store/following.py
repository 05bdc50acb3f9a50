"""What accounts need of the roster when people come, change and go, and how they are written."""

from datetime import datetime
from typing import Any

import polars as pl

from rollbook.store import cursor
from rollbook.store.loading import indexes_afterwards
from rollbook.store.models import Account, FormerUsername, Source
from rollbook.store.roster import text
from rollbook.store.usernames import COLUMNS, overridden, said

KEYS = "followed_person"

#: Accounts that are there before the first import of an installation: of those who set it up. Their sign-in waits for its end.
FEW = 100

PEOPLE = pl.Schema({"person": pl.Int64, "sourced_id": pl.String, "live": pl.Int64} | dict.fromkeys(COLUMNS, pl.String))
ACCOUNTS = pl.Schema(
    {"account": pl.Int64, "person": pl.Int64, "by_hand": pl.Int64}
    | dict.fromkeys(("kind", "state", "before_leaving", "name", "email", "had", "wished"), pl.String)
)
#: What is written about accounts that there are. `seat` says whether their person still is what they are for.
CHANGED = ("account", "seat", "name", "email", "username", "wants", "wanted")


class Following:
    """The people of one source whose accounts may have to change.

    Shape: every method is a fixed number of statements, whatever the number of people.
    Needs: one transaction around all of it; `about` or `about_everybody` first.
    """

    def __init__(self, district: int, source: int) -> None:
        self.own = (district, source)
        self.everybody = False

    def about(self, people: pl.Series) -> None:
        """Say by their `sourced_id` whom it is about."""
        cursor.temporary(KEYS, {"sourced_id": 'text COLLATE "C"' if cursor.is_postgres() else "text"})
        cursor.insert(KEYS, ["sourced_id"], [people.to_frame("sourced_id")])
        cursor.analyze(KEYS)

    def about_everybody(self) -> None:
        """Say that it is about all people of the source, which then counts as followed."""
        self.everybody = True
        Source.objects.filter(pk=self.own[1]).update(followed=True)

    def people(self) -> pl.DataFrame:
        """Return them, with what a person or the source says of each, and whether they are there at all."""
        live = "CASE WHEN p.\"status\" = 'active' AND COALESCE(p.\"enabled\", '') <> 'false' THEN 1 ELSE 0 END"
        people = self._theirs("roster_person", "p", "sourced_id")
        sql = f'SELECT p."id", p."sourced_id", {live}, {said()} FROM {people} {overridden()}'
        return _whole(sql, (*self.own, self.own[0]), PEOPLE)

    def roles(self) -> pl.DataFrame:
        """Return which roles they have now, some of them several times: `sourced_id`, `role`."""
        sql = f'SELECT r."person", r."role" FROM {self._theirs("roster_role", "r", "person")} WHERE r."status" = \'active\''
        return _whole(sql, self.own, text(("sourced_id", "role")))

    def accounts(self) -> pl.DataFrame:
        """Return their accounts of any kind and state."""
        names = cursor.listed(("kind", "state", "before_leaving", "name", "email", "username", "wanted"), "a")
        people = self._theirs("roster_person", "p", "sourced_id")
        own = f'{_then()} "store_account" a ON a."district_id" = p."district_id" AND a."person" = p."id"'
        sql = f'SELECT a."id", a."person", CASE WHEN a."by_hand" THEN 1 ELSE 0 END, {names} FROM {people} {own}'
        return _whole(sql, self.own, ACCOUNTS)

    def add(self, accounts: pl.DataFrame, at: datetime, *, first: bool) -> None:
        """Make accounts: `person`, `kind`, `name`, `email`, `username` and `wanted`. The `first` ones are many."""
        columns = ["person", "kind", "name", "email", "username", "wanted"]
        own: dict[str, int | str] = {"district_id": self.own[0], "state": "pending", "password": "!", "by_hand": 0}
        own["created_at"] = at.strftime("%Y-%m-%d %H:%M:%S.%f") + ("+00" if cursor.is_postgres() else "")
        with indexes_afterwards(Account, len(accounts), beside=FEW):
            cursor.insert("store_account", columns, accounts.iter_slices(cursor.BATCH), own | _defaults({*columns, *own}))
        if first:
            cursor.analyze("store_account")

    def change(self, accounts: pl.DataFrame) -> None:
        """Write CHANGED of accounts that there are.

        Shape: what an account was is read in the statement that changes it, so that nobody who changes it meanwhile is undone.
        """
        stage = "followed_account"
        types = {"account": "bigint", "seat": "integer", "wants": "integer"}
        cursor.temporary(stage, {name: types.get(name, "text") for name in CHANGED})
        cursor.insert(stage, CHANGED, accounts.iter_slices(cursor.BATCH))
        cursor.analyze(stage)
        where = f'FROM "{stage}" s WHERE "store_account"."id" = s."account" AND "store_account"."district_id" = %s'
        former = cursor.quoted(FormerUsername._meta.db_table)
        cursor.execute(
            f'INSERT INTO {former} ("district_id", "username", "account") SELECT a."district_id", a."username", a."id" '
            f'FROM "{stage}" s JOIN "store_account" a ON a."id" = s."account" AND a."district_id" = %s '
            'WHERE s."username" IS NOT NULL AND a."username" IS NOT NULL AND a."state" <> \'pending\' ON CONFLICT DO NOTHING',
            self.own[:1],
        )
        cursor.execute(f'UPDATE "store_account" SET {_SETS} {where}', self.own[:1])
        cursor.execute(f'DROP TABLE "{stage}"')

    def done(self) -> None:
        """Forget whom it was about."""
        cursor.execute(f'DROP TABLE IF EXISTS "{KEYS}"')

    def _theirs(self, table: str, alias: str, person: str) -> str:
        """Write FROM … for their rows of a table of the roster. Needs: `own` as parameters."""
        if self.everybody:
            return f'(SELECT * FROM "{table}" WHERE "district_id" = %s AND "source_id" = %s) {alias}'
        own = f'{alias}."district_id" = %s AND {alias}."source_id" = %s AND {alias}."{person}" = k."sourced_id"'
        return f'"{KEYS}" k {_then()} "{table}" {alias} ON {own}'


_SETS = """
"name" = CASE WHEN s."seat" = 1 THEN s."name" ELSE "store_account"."name" END,
"email" = CASE WHEN s."seat" = 1 THEN s."email" ELSE "store_account"."email" END,
"email_verified_at" = CASE WHEN s."seat" = 0 OR s."email" = "store_account"."email" THEN "email_verified_at" END,
"username" = COALESCE(s."username", "store_account"."username"),
"wanted" = CASE WHEN s."wants" = 1 THEN s."wanted" ELSE "store_account"."wanted" END,
"state" = CASE WHEN s."seat" = 0 THEN 'inactive' WHEN "state" = 'inactive' AND "before_leaving" <> '' THEN "before_leaving"
    ELSE "state" END,
"before_leaving" = CASE WHEN s."seat" = 1 THEN '' WHEN "state" = 'inactive' THEN "before_leaving" ELSE "state" END
"""


def _then() -> str:
    """Write the join that starts from what stands left of it: SQLite would else begin with the larger table."""
    return "JOIN" if cursor.is_postgres() else "CROSS JOIN"


def _whole(sql: str, parameters: tuple[Any, ...], schema: pl.Schema) -> pl.DataFrame:
    return pl.concat([schema.to_frame(), *cursor.stream(sql, parameters, schema)])


def _defaults(but: set[str]) -> dict[str, int | str]:
    """Return what all other columns of a new account hold: rows that go in by themselves do not pass through the model."""
    fields = (field for field in Account._meta.concrete_fields if not (field.primary_key or field.null or field.column in but))
    found = {str(field.column): field.get_default() for field in fields}
    return {name: int(value) if isinstance(value, bool) else value for name, value in found.items()}
