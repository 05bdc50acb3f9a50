"""How the cells of each form are read: what they become, which spellings are forgiven, which are wrong."""

from dataclasses import dataclass, replace

import polars as pl

from rollbook.connectors.oneroster.vocabulary import CEDS, FALSE, GRADES, TRUE, Field, Form
from rollbook.domain.findings import Level
from rollbook.lib.csv_table import UNKNOWN_LETTER

# [0-9] and not \d, which takes the digits of other scripts, too.
ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
WITH_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?$"
LOCAL = r"^([0-9]{1,2})[/.\-]([0-9]{1,2})[/.\-]([0-9]{4})$"

#: Every real date but 29 February, which takes a calendar to judge. One look at it settles nearly every cell there is.
PLAIN_DATE = (
    r"^[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))$"
)
READINGS = {"mdy": "month/day/year", "dmy": "day/month/year"}

#: Letters that OneRoster allows in a sourcedId. A plus sign and others are met, and do no harm.
ODD_KEY = r"[^0-9A-Za-z.\-_/@]"


@dataclass(frozen=True)
class Check:
    """One rule over one column. `when` marks the rows; `{value}` is the cell, `{rows}` and `{seen}` belong to notes."""

    rule: str
    level: Level
    field: str
    when: pl.Expr
    message: str
    remedy: str = ""
    shows: pl.Expr | None = None  # what a message shows instead of the cell


@dataclass(frozen=True)
class Reading:
    """What one column becomes."""

    value: pl.Expr
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Manner:
    """How one file is to be read: the version's words, and how its dates are written."""

    version: str
    odd_dates: bool = False  # some date of the file is not written YYYY-MM-DD
    dates: str = ""  # mdy, dmy: how such dates are read


def read(field: Field, manner: Manner) -> Reading:
    """Return how a column is read. Its cells are trimmed already, and null if empty."""
    cell = pl.col(field.heading)
    reading = _READERS.get(field.form, _text)(field, cell, manner)
    plain = _plain(field, cell)
    if plain is not None:
        value = unless(plain, field.heading, reading.value)
        checks = (replace(check, when=unless(plain, field.heading, check.when, pl.Boolean())) for check in reading.checks)
        reading = Reading(value, tuple(checks))
    if field.filled:
        text = f"{field.heading} is empty. OneRoster wants one in every row; the row is taken without."
        empty = Check("left_empty", Level.WARNING, field.heading, cell.is_null(), text, _FILL)
        reading = Reading(reading.value, (*reading.checks, empty))
    return reading


def _plain(field: Field, cell: pl.Expr) -> pl.Expr | None:
    """Say which cells are as they should be, so that they stay as they are and nothing marks them: nearly all, as a rule."""
    match field.form:
        case Form.WORD:
            return cell.is_in(list(field.words))
        case Form.BOOLEAN:
            return cell.is_in(["true", "false"])
        case Form.GRADES:
            return cell.is_in(CEDS)
        case Form.LIST | Form.KEYS:
            return cell.str.contains(r"^[^,;|\s]+(?:,[^,;|\s]+)*$")
    return None


def unless(plain: pl.Expr, heading: str, needed: pl.Expr, gives: pl.DataType | None = None) -> pl.Expr:
    """Return what `needed` gives, worked out only for batches in which some cell is not plain.

    Needs: for plain and empty cells, `needed` gives the cell itself, or, where it gives a truth, false or null.
    """

    def look(cells: pl.Series) -> pl.Series:
        batch = cells.alias(heading).to_frame()
        if not batch.select(plain.all()).item():
            return batch.select(needed.alias(heading)).to_series()
        return cells if gives is None else pl.repeat(False, len(cells), dtype=gives, eager=True)

    return pl.col(heading).map_batches(look, return_dtype=gives or pl.String(), is_elementwise=True)


_FILL = "Fill it in in the source, then export again."
_AS_ASKED = "Correct the value in the source, then export again."


def _text(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    return Reading(cell)


def _key(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    if field.column != "sourced_id":
        return Reading(cell)
    return Reading(
        cell,
        (
            Check(
                "odd_id",
                Level.NOTE,
                field.heading,
                cell.str.contains(ODD_KEY) & ~illegible(cell),
                "sourcedId in {rows} has letters that OneRoster does not allow, such as {seen}; kept as they are.",
            ),
            Check(
                "long_id",
                Level.WARNING,
                field.heading,
                cell.str.len_chars() > 255,
                "sourcedId has more than 255 letters.",
                "Other systems may cut it. Ask the source for shorter ids.",
            ),
        ),
    )


def _boolean(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    lower = cell.str.to_lowercase()
    is_true, is_false = lower.is_in(TRUE), lower.is_in(FALSE)
    exact = cell.is_in(["true", "false"])
    return Reading(
        pl.when(is_true).then(pl.lit("true")).when(is_false).then(pl.lit("false")).otherwise(cell),
        (
            Check(
                "boolean_form",
                Level.NOTE,
                field.heading,
                ~exact & (is_true | is_false),
                f"{field.heading} in {{rows}} is written {{seen}}; read as true or false.",
            ),
            Check(
                "boolean",
                Level.ERROR,
                field.heading,
                ~(is_true | is_false),
                f"{field.heading} '{{value}}' is neither true nor false.",
                _AS_ASKED,
            ),
        ),
    )


def is_word(field: Field, cell: pl.Expr, version: str) -> pl.Expr:
    """Say whether a cell holds a word that its column allows; an empty one does not."""
    known = cell.str.to_lowercase().is_in([word.lower() for word in field.words])
    if version == "1.2" and not field.closed:
        known = known | (cell.str.starts_with("ext:") & (cell.str.len_bytes() > 4))
    return known.fill_null(False)


def _word(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    known = {word.lower(): word for word in field.words}
    folded = cell.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.String)
    more = " or begin with 'ext:'" if manner.version == "1.2" and not field.closed else ""
    return Reading(
        pl.coalesce(folded, cell),
        (
            Check(
                "word_form",
                Level.NOTE,
                field.heading,
                folded != cell,
                f"{field.heading} in {{rows}} is written {{seen}}; read without regard to capital letters.",
            ),
            Check(
                "word",
                Level.ERROR,
                field.heading,
                ~is_word(field, cell, manner.version) & cell.is_not_null(),
                f"{field.heading} '{{value}}' is not known to OneRoster {manner.version}. Known: {', '.join(field.words)}{more}.",
                _AS_ASKED,
            ),
        ),
    )


def is_iso_date(cell: pl.Expr) -> pl.Expr:
    """Say whether a cell is a real date, written YYYY-MM-DD."""
    return cell.str.contains(ISO) & cell.str.to_date("%Y-%m-%d", strict=False).is_not_null()


def _real(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.to_date("%Y-%m-%d", strict=False).is_not_null()).then(text)


def local_date(cell: pl.Expr, order: str) -> pl.Expr:
    """Read 8/27/2018 in the order given, as YYYY-MM-DD; null if that is no date."""
    first, second, year = (cell.str.extract(LOCAL, place) for place in (1, 2, 3))
    month, day = (first, second) if order == "mdy" else (second, first)
    return _real(pl.concat_str(year, month.str.zfill(2), day.str.zfill(2), separator="-"))


def _date(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    if not manner.odd_dates:
        return Reading(cell)
    iso = pl.when(cell.str.contains(ISO)).then(_real(cell))
    cut = pl.when(cell.str.contains(WITH_TIME)).then(_real(cell.str.head(10)))
    checks = [
        Check(
            "date_with_time",
            Level.NOTE,
            field.heading,
            cut.is_not_null(),
            f"{field.heading} in {{rows}} has a time of day, such as {{seen}}; cut off.",
        )
    ]
    if manner.dates:
        local = local_date(cell, manner.dates)
        checks.append(
            Check(
                "date_form",
                Level.NOTE,
                field.heading,
                local.is_not_null(),
                f"{field.heading} in {{rows}} is written as {READINGS[manner.dates]}; read so: {{seen}}.",
                shows=pl.format("{} as {}", cell, local),
            )
        )
    else:
        local = pl.lit(None, pl.String)
    value = pl.coalesce(iso, cut, local)
    wrong = value.is_null() & cell.is_not_null()
    ambiguous = pl.lit(not manner.dates) & cell.str.contains(LOCAL)
    checks += [
        Check(
            "date_order",
            Level.ERROR,
            field.heading,
            wrong & ambiguous,
            f"{field.heading} '{{value}}' is not written YYYY-MM-DD, and nothing says whether the day or the month comes first.",
            "Export dates as YYYY-MM-DD, or choose in the settings of this source how its dates are written.",
        ),
        Check(
            "date",
            Level.ERROR,
            field.heading,
            wrong & ~ambiguous,
            f"{field.heading} '{{value}}' is not a date. Dates are written YYYY-MM-DD.",
            _AS_ASKED,
        ),
    ]
    return Reading(pl.coalesce(value, cell), tuple(checks))


def _year(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    wrong = ~cell.str.contains(r"^[0-9]{4}$")
    text = f"{field.heading} '{{value}}' is not a year. It is the year in which the school year ends, such as 2027."
    return Reading(cell, (Check("year", Level.ERROR, field.heading, wrong, text, _AS_ASKED),))


def split_at(cell: pl.Expr) -> pl.Expr:
    """Return the separator that a list uses: a comma, or, where it has none, a semicolon or a bar."""
    comma, semicolon, bar = (cell.str.contains(each, literal=True) for each in (",", ";", "|"))
    return (
        pl.when(~comma & semicolon & ~bar)
        .then(pl.lit(";"))
        .when(~comma & bar & ~semicolon)
        .then(pl.lit("|"))
        .otherwise(pl.lit(","))
    )


def entries(cell: pl.Expr) -> pl.Expr:
    """Return the items of a list, trimmed, without empty ones."""
    return cell.str.split(split_at(cell)).list.eval(
        pl.when(pl.element().str.strip_chars() != "").then(pl.element().str.strip_chars()).drop_nulls()
    )


def _joined(parts: pl.Expr) -> pl.Expr:
    text = parts.list.join(",")
    return pl.when(text != "").then(text)


def _list_checks(field: Field, cell: pl.Expr) -> tuple[Check, ...]:
    other = split_at(cell) != ","
    loose = ~other & (cell.str.contains(r"\s,|,\s|^,|,$|,,"))
    mixed = ~other & cell.str.contains(r"[;|]") & cell.str.contains(r",.")
    return (
        Check(
            "list_mixed",
            Level.NOTE,
            field.heading,
            mixed,
            f"{field.heading} in {{rows}} has semicolons or bars beside its commas, such as {{seen}}. Split at the commas alone.",
        ),
        Check(
            "list_separator",
            Level.NOTE,
            field.heading,
            other,
            f"{field.heading} in {{rows}} is separated by semicolons or bars, such as {{seen}}. Read as a list.",
        ),
        Check(
            "list_form",
            Level.NOTE,
            field.heading,
            loose,
            f"{field.heading} in {{rows}} has blanks around its commas, or nothing between two, such as {{seen}}. "
            "Read without them.",
        ),
    )


def _list(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    return Reading(_joined(entries(cell)), _list_checks(field, cell))


def _user_ids(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    # An id may hold commas, as the names of a directory do: what stands in braces is one.
    tidy = cell.str.contains(r"^\s*(\{[^:{}]+:[^{}]*\}\s*[,;|]?\s*)+$")
    bare = pl.element().str.strip_chars("{} ")
    whole = pl.element().str.contains(r"^\{[^:{}]+:[^{}]*\}$")
    loose = entries(cell).list.eval(pl.when(whole).then(pl.element()).otherwise(pl.lit("{unknown:") + bare + pl.lit("}")))
    return Reading(
        pl.when(tidy).then(cell.str.extract_all(r"\{[^{}]*\}").list.join(",")).otherwise(_joined(loose)),
        (
            Check(
                "user_ids",
                Level.NOTE,
                field.heading,
                ~tidy,
                "userIds in {rows} is not written {type:id}, such as {seen}; kept with the type 'unknown'.",
            ),
        ),
    )


def _grades(field: Field, cell: pl.Expr, manner: Manner) -> Reading:
    code = pl.element().str.to_lowercase().str.replace_all(" ", "", literal=True)
    known = code.replace_strict(GRADES, default=None, return_dtype=pl.String)
    value = _joined(entries(cell).list.eval(pl.coalesce(known, pl.element())))
    as_list = _joined(entries(cell))
    strange = entries(cell).list.eval(known.is_null()).list.any()
    return Reading(
        value,
        (
            *_list_checks(field, cell),
            Check(
                "grades_mapped",
                Level.NOTE,
                field.heading,
                value != as_list,
                "grades in {rows} were brought to the common codes: {seen}.",
                shows=pl.format("'{}' as '{}'", cell, value),
            ),
            Check(
                "grades_unknown",
                Level.NOTE,
                field.heading,
                strange,
                "grades in {rows} are none of the common codes "
                + f"({', '.join(sorted(CEDS))}), such as {{seen}}; kept as they are.",
            ),
        ),
    )


_READERS = {
    Form.TEXT: _text,
    Form.KEY: _key,
    Form.BOOLEAN: _boolean,
    Form.WORD: _word,
    Form.DATE: _date,
    Form.YEAR: _year,
    Form.LIST: _list,
    Form.KEYS: _list,
    Form.USER_IDS: _user_ids,
    Form.GRADES: _grades,
}


def no_key(cell: pl.Expr) -> pl.Expr:
    """Say whether a key is missing or holds a letter that could not be read."""
    return cell.is_null() | illegible(cell).fill_null(False)


def illegible(cell: pl.Expr) -> pl.Expr:
    """Say whether a cell holds a letter that stands for one that could not be read."""
    return cell.str.contains(UNKNOWN_LETTER, literal=True)


def metadata(columns: dict[str, str]) -> pl.Expr:
    """Join columns into one JSON object with sorted keys, without those that are empty; null if all are."""
    pieces = [
        pl.when(pl.col(column).is_not_null()).then(
            pl.struct(pl.col(column).alias(key)).struct.json_encode().str.slice(1).str.head(-1)
        )
        for key, column in sorted(columns.items())
    ]
    text = pl.concat_str(pieces, separator=",", ignore_nulls=True)
    return pl.when(text != "").then(pl.lit("{") + text + pl.lit("}"))


def content_key(*parts: pl.Expr) -> pl.Expr:
    """Join what identifies a row into one key. A bar within a part is written %7C, so that no two rows share a key."""
    safe = [
        part.str.replace_all("%", "%25", literal=True).str.replace_all("|", "%7C", literal=True).fill_null("") for part in parts
    ]
    return pl.concat_str(safe, separator="|")
