"""What a connector must be: five names. It knows no database, never retries and never decides."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import polars as pl

from rollbook.domain.errors import ConfigError
from rollbook.domain.findings import FINDING

#: The columns that every frame has besides the entity's own.
ROW = ("sourced_id", "source_file", "line")

FAULTS = pl.Schema({name: pl.Int64 if name in ("line", "count") else pl.String for name in FINDING})
NO_FAULTS = FAULTS.to_frame()


@dataclass(frozen=True)
class Probe:
    """What one cheap call saw, as a sentence for people, and what else is worth knowing."""

    sentence: str
    notes: tuple[str, ...] = ()


class Arriving(NamedTuple):
    """How far one thing is that is being fetched: what it is called, for people, and its rows so far, of those announced."""

    what: str
    rows: int
    promised: int


@dataclass(frozen=True)
class Written:
    """What was written in a format: how many rows each file has, and what it says otherwise than the roster."""

    rows: dict[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extract:
    """All rows of one entity.

    Shape: `frame` is lazy and all text: `sourced_id`, those of the entity's columns that the source gives, `source_file`
        and `line` (Int64, header = 1). Empty is null; "" never occurs. A column that is missing here is left alone in the roster.
        `faults` is lazy, with the columns of FAULTS. A fault of level error makes the row with its `sourced_id` unfit.
        A row whose id cannot be trusted is not in `frame`: it is a fault without `sourced_id`, and `partial` is true.
    """

    frame: pl.LazyFrame
    faults: pl.LazyFrame = field(default_factory=lambda: pl.LazyFrame(schema=FAULTS))
    promised: int | None = None  # rows that the source itself announces
    partial: bool = False  # some row's id could not be read: nothing of this entity may vanish in this run
    #: What `faults` is made of, and where it looks for it: written there in one pass with `frame`, it takes none of its own.
    beside: tuple[tuple[pl.LazyFrame, Path], ...] = ()
    #: Equal fingerprints mean equal rows (in whatever order), faults (but for line numbers) and questions. None: not known.
    fingerprint: str | None = None
    #: Our column -> what people at the source know it by, such as the heading in their file: rules name it so.
    headings: Mapping[str, str] = field(default_factory=dict)
    #: Gives sentences that only a person can answer. Each holds the run, whatever the limits say.
    questions: Callable[[], tuple[str, ...]] = tuple


class Connector(Protocol):
    """One student information system, through one set of settings.

    Two more methods are called where they exist: `bytes_fingerprint()` gives a text that is equal as long as the source's very
    bytes are, and `arriving()` a sequence of Arriving. The latter is called every few seconds from another thread while `extract`
    is at work; it looks only at what is in memory, and never raises.
    """

    name: ClassVar[str]  # "oneroster-csv": the command's argument and the database's value
    title: ClassVar[str]  # "OneRoster CSV files": for people
    Config: ClassVar[type[Any]]  # a dataclass: the settings form, its checks and its secrets

    def probe(self) -> Probe:
        """Make one cheap call and say what it saw. Raises SourceError."""

    def offers(self) -> frozenset[str]:
        """Name the entities that this system gives with these settings. Absent is not empty."""

    def extract(self, entity: str) -> Extract:
        """Return all rows of one offered entity. Raises SourceError, also while the rows are read."""

    def close(self) -> None:
        """Remove what was unpacked on the way."""


def option(
    label: str,
    *,
    default: Any = MISSING,
    hint: str = "",
    choices: Sequence[str] | Mapping[str, str] = (),
    secret: bool = False,
    address: bool = False,
) -> Any:
    """Declare one setting of a Config: its words for people, and whether it must stay secret.

    `choices` may give each value words of its own; else the value is its words. `address` says that the secrets are sent
    there: those that are kept are kept for this address alone.
    """
    words = dict(choices) if isinstance(choices, Mapping) else {choice: choice for choice in choices}
    metadata = {"label": label, "hint": hint, "choices": words, "secret": secret, "address": address}
    return field(default=default, metadata=metadata, repr=not secret)


def read_config(kind: type[Any], values: Mapping[str, str], allowed: Sequence[str] = ()) -> Any:
    """Build a Config from texts, as a form or a command line gives them. Raises ConfigError with every complaint at once.

    `allowed` names what of its own network the installation lets sources ask, for a Config that checks an address.
    """
    known = {each.name: each for each in fields(kind)}
    wrong = {name: f"unknown setting; known: {', '.join(known)}" for name in values if name not in known}
    given: dict[str, str] = {}
    for name, each in known.items():
        value = (values.get(name) or "").strip()
        choices = each.metadata.get("choices", ())
        if value and choices and value not in choices:
            wrong[name] = f"'{value}' is not one of {', '.join(choices)}"
        elif value:
            given[name] = value
        elif each.default is MISSING:
            wrong[name] = "is required"
    config = kind(**dict.fromkeys((name for name in wrong if name in known), ""), **given)
    try:
        if hasattr(config, "check"):
            config.check(allowed)
    except ConfigError as error:
        wrong = {**error.fields, **wrong}
    if wrong:
        raise ConfigError(fields=wrong)
    return config
