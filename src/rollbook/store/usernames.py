"""The usernames of a district: who has which, who had which, and the accounts that a rule may still name."""

from collections.abc import Iterator

import polars as pl

from rollbook.store import cursor
from rollbook.store.models import Account, District, FormerUsername

OWNED = pl.Schema({"username": pl.String, "account": pl.Int64})
#: Where usernames are, and what says there whose they are.
_NAMED = (("store_account", "id"), ("store_formerusername", "account"))

#: From how many on it is worth to see first whether all usernames are fewer than those that are asked for.
WORTH_COUNTING = 10_000

#: What of a person of the roster an account follows, and a username may be made of.
COLUMNS = ("username", "given_name", "family_name", "identifier", "email")
#: An account that a rule may still name, and what it may be made of.
OPEN = pl.Schema(
    {"account": pl.Int64, "kind": pl.String, "had": pl.String, "person": pl.Int64}
    | dict.fromkeys(("sourced_id", *COLUMNS), pl.String)
)


def rule(district: int) -> str:
    """Return what usernames of a district are made of. Needs: a transaction, in which nobody else gives usernames there."""
    # With less of a lock two imports could give one name; with more, whoever signs in would wait for the end of this one.
    return District.objects.select_for_update(no_key=True).values_list("username_rule", flat=True).get(pk=district)


def hold(district: int) -> None:
    """Let nobody else give usernames in a district until this transaction ends: no person and no import.

    Needs: to come before any account is locked, as in an import, or the two would wait for each other.
    """
    rule(district)


def free(district: int, username: str, account: int | None = None) -> bool:
    """Say whether an account, or a new one, may be called this: nobody else is or was."""
    others = Account.objects.filter(district_id=district, username=username).exclude(pk=account)
    former = FormerUsername.objects.filter(district_id=district, username=username).values_list("account", flat=True)
    return not others.exists() and set(former) <= {account}


def remember(account: Account) -> None:
    """Keep the username of an account from others for good. Needs: to be called before it gets another one."""
    if account.username and account.state != "pending":  # as long as it is pending, nobody knows its name
        row = FormerUsername(district_id=account.district_id, username=account.username, account=account.pk)
        FormerUsername.objects.bulk_create([row], ignore_conflicts=True)


#: Needs: the district, twice.
_OPEN = (
    'a."district_id" = %s AND NOT a."by_hand" '
    'AND (a."state" = \'pending\' OR (a."state" = \'active\' AND a."username" IS NULL)) '
    'AND NOT EXISTS (SELECT 1 FROM "store_override" h '
    'WHERE h."district_id" = %s AND h."entity" = \'account\' AND h."row" = a."id")'
)


def exactly(district: int, names: pl.Series) -> pl.DataFrame:
    """Return who has, or had, one of these usernames: `username`, `account`. One statement, or two."""
    if (all_there := _all_if_few(district, len(names))) is not None:
        return all_there.filter(pl.col("username").is_in(names.implode()))
    return _owned(district, names, "{} = {}".format('a."username"', cursor.key_value()))


def numbered(district: int, stems: pl.Series) -> pl.DataFrame:
    """Return who has, or had, a username of one of these stems and a number: `username`, `account`. One statement, or two."""
    key = cursor.key_value()
    # Figures are followed by the colon: so an index gives what begins with the stem and a figure.
    found = _all_if_few(district, len(stems))
    if found is None:
        found = _owned(district, stems, f"a.\"username\" >= {key} || '0' AND a.\"username\" < {key} || ':'")
    return found.filter(_stem().is_in(stems.implode()) & (_stem() != pl.col("username")))


def _stem() -> pl.Expr:
    return pl.col("username").str.strip_chars_end("0123456789")


def _all_if_few(district: int, number: int) -> pl.DataFrame | None:
    """Return all usernames of a district where they are fewer than what is asked for, as on the night of a first import."""
    if number < WORTH_COUNTING:
        return None
    parts = (f'SELECT "username", "{account}" FROM "{table}"' for table, account in _NAMED)
    own = ' WHERE "district_id" = %s AND "username" IS NOT NULL'
    sql = " UNION ALL ".join(part + own for part in parts)
    found = cursor.fetch(f"{sql} LIMIT %s", (district, district, number), OWNED)
    return found if found.height < number else None


def _owned(district: int, keys: pl.Series, condition: str) -> pl.DataFrame:
    if not len(keys):
        return OWNED.to_frame()
    parts, parameters = [], []
    # The plus keeps SQLite from reading all accounts of the district for each key by another index that begins with it.
    plain, plus = 'a."district_id"', 'a."district_id"' if cursor.is_postgres() else '+a."district_id"'
    for (table, account), own in zip(_NAMED, (plus, plain), strict=True):
        joined, parameter = cursor.keys_joined(keys, table, "a", f"{own} = %s AND {condition}")
        parts.append(f'SELECT a."username", a."{account}" FROM {joined}')
        parameters += [parameter, district]
    return cursor.fetch(" UNION ALL ".join(parts), parameters, OWNED)


def count_open(district: int) -> int:
    """Return how many accounts `open_to_change` would yield."""
    sql = f'SELECT count(*) FROM "store_account" a WHERE {_OPEN}'
    return int(cursor.fetch(sql, (district, district), pl.Schema({"n": pl.Int64})).item())


def open_to_change(district: int, most: int | None = None) -> Iterator[pl.DataFrame]:
    """Yield the accounts of the roster that nobody can sign in with by name yet: those that are pending, or have no username.

    Shape: OPEN, with COLUMNS as somebody has set them or the source says; a batch at a time, or the first `most` of them.
        Whose username was set by hand is not among them.
    """
    some = "" if most is None else f' ORDER BY a."id" LIMIT {int(most)}'
    sql = (
        f'SELECT a."id", a."kind", a."username", p."id", p."sourced_id", {said()} '
        'FROM "store_account" a JOIN "roster_person" p ON p."id" = a."person" AND p."district_id" = a."district_id" '
        f"{overridden()} WHERE {_OPEN}{some}"
    )
    return cursor.stream(sql, (district, district, district), OPEN)


def rename(district: int, names: pl.DataFrame) -> None:
    """Give accounts other usernames: `account`, `username` (or null) and `wanted`. Needs: a transaction, and pending ones.

    Shape: two updates, because two accounts may change places: first those go whose names others of them get.
    """
    stage = "renamed_account"
    cursor.temporary(stage, {"account": "bigint", "username": "text", "wanted": "text"})
    cursor.insert(stage, ["account", "username", "wanted"], [names])
    cursor.analyze(stage)
    own = 'WHERE "store_account"."id" = s."account" AND "store_account"."district_id" = %s'
    leaves = f'AND "store_account"."username" IN (SELECT "username" FROM "{stage}")'
    cursor.execute(f'UPDATE "store_account" SET "username" = NULL FROM "{stage}" s {own} {leaves}', (district,))
    cursor.execute(
        f'UPDATE "store_account" SET "username" = s."username", "wanted" = s."wanted" FROM "{stage}" s {own}', (district,)
    )
    cursor.execute(f'DROP TABLE "{stage}"')


def said() -> str:
    """List COLUMNS of a person `p`, each as somebody has set it over the source, or else as the source says."""
    return ", ".join(f'COALESCE(o."{column}", p."{column}")' for column in COLUMNS)


def overridden() -> str:
    """Write the join that `said` needs. Needs: the district as a parameter. What was set to nothing is the empty text."""
    # An account whose email was emptied by hand has none, whatever the source says: so null stands for what nobody has set.
    columns = ", ".join(f'MAX(CASE WHEN "field" = \'{name}\' THEN COALESCE("value", \'\') END) AS "{name}"' for name in COLUMNS)
    rows = f'SELECT "row" AS "of", {columns} FROM "store_override" WHERE "district_id" = %s AND "entity" = \'person\''
    return f'LEFT JOIN ({rows} GROUP BY "row") o ON o."of" = p."id"'
