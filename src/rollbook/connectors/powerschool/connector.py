"""The PowerSchool connector: what the plugin's queries give becomes the columns of the roster."""

import shutil
import tempfile
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import ClassVar
from urllib.parse import urlsplit

import polars as pl

from rollbook.connectors.powerschool import client, mapping
from rollbook.connectors.powerschool.address import normalise
from rollbook.connectors.powerschool.complaints import GuardiansMissing, QueriesUnknown
from rollbook.connectors.powerschool.devices import DEVICES
from rollbook.connectors.powerschool.queries import CORE, GUARDIANS, QUERIES, TERMS, YEARS, Query
from rollbook.connectors.powerschool.reading import Manner, clean
from rollbook.connectors.powerschool.years import asked_years, begun_years
from rollbook.connectors.protocol import FAULTS, NO_FAULTS, Arriving, Extract, Probe, option
from rollbook.domain.errors import ConfigError, IncompleteExtract
from rollbook.lib import clock, columnar
from rollbook.lib.http import Http, is_listed

BY_NAME = {query.name.rpartition(".")[2]: query for query in QUERIES}

#: No district is without them, so an answer without them is no answer.
NEVER_EMPTY = ("schools", "years", "terms", "students", "staff")

NO_GUARDIANS = "Guardians do not come: the plugin that is installed in PowerSchool does not have their query."


@dataclass
class PowerSchoolConfig:
    """Where PowerSchool is, how the plugin signs in, and what the students work on."""

    url: str = option(
        "Integration URL", hint="What the browser shows when staff sign in, such as https://ps.example.org.", address=True
    )
    key: str = option("Integration Key", hint="The plugin's Client ID, under Data Provider Configuration.")
    secret: str = option("Integration Secret", hint="The plugin's Client Secret, from the same page.", secret=True)
    devices: str = option("Student Devices", choices=DEVICES, hint="Decides what each student needs to sign in.")
    district: str = option("Name of the district", default="District", hint="PowerSchool does not tell it to plugins.")
    guardians: str = option(
        "Guardians",
        default="",
        choices={"yes": "Always: without them nothing is imported", "no": "Never"},
        hint="Not set: they come if the installed plugin has them. Once they have come, they are never left out unnoticed.",
    )

    def check(self, allowed: Sequence[str]) -> None:
        """Write the address as it is asked, and keys without blanks. Raises ConfigError."""
        self.key, self.secret = "".join(self.key.split()), "".join(self.secret.split())
        try:
            host = urlsplit(normalise(self.url, allow_http=True)).hostname or ""
            self.url = normalise(self.url, allow_http=is_listed(host, allowed))
        except ConfigError as error:
            raise ConfigError(fields={"url": error.fields["address"]}) from None


class PowerSchool:
    """One PowerSchool, for one run. Everything is pulled from the first extract on; each entity waits for its own rows.

    `pages` is a folder of the run: what an attempt has pulled stays there, and the next one asks for the rest. `had` names the
    entities of which the roster has rows from here.
    """

    name: ClassVar[str] = "powerschool"
    title: ClassVar[str] = "PowerSchool"
    Config: ClassVar[type[PowerSchoolConfig]] = PowerSchoolConfig

    def __init__(
        self,
        config: PowerSchoolConfig,
        *,
        pages: Path | None = None,
        had: Collection[str] = (),
        http: Http | None = None,
        today: date | None = None,
    ) -> None:
        self.config = config
        self._had = had
        self._pages = pages
        self._http = http or Http()
        self._today = today or clock.now().date()
        self._client = client.PowerSchool(normalise(config.url, allow_http=True), config.key, config.secret, self._http)
        self._pool = ThreadPoolExecutor(self._http.limits.at_once, "powerschool")
        self._pulled: Path | None = None
        self._arrived: dict[tuple[Query, str], tuple[int, int]] = {}
        self._door = Lock()

    # --- the five names ---

    def probe(self) -> Probe:
        """Count the rows of every query, without reading one. Raises SourceError."""
        guess = self._today.year - 1990 - (self._today.month < 7)
        said = self._client.check(CORE, {"yearid": str(guess)})
        with_them = self._has_guardians
        notes = [] if with_them or self.config.guardians == "no" else [NO_GUARDIANS]
        if with_them:
            said.append(f"Contacts of students come, too: {self._client.count(GUARDIANS, {}):,}.")
        return Probe(" ".join(said), tuple(notes))

    def offers(self) -> frozenset[str]:
        """Name the entities: all but guardianships, if their query is not there. Raises SourceError."""
        return frozenset(mapping.SOURCES) - (frozenset() if self._has_guardians else {"guardianship"})

    def extract(self, entity: str) -> Extract:
        """Return all rows of one offered entity. Raises SourceError.

        Shape: all queries are pulled to disk at the first call, a few at a time; each call waits for those of its entity.
        """
        names = mapping.SOURCES[entity]
        if entity in mapping.WITH_GUARDIANS and self._has_guardians:
            names = (*names, "guardians")
        manner = Manner(self.config.devices, self.config.district, self._has_guardians)
        built = mapping.build(entity, {name: self._rows(name) for name in names}, manner)
        path = columnar.keep(built.frame, self._folder / "roster" / f"{entity}.parquet")
        frame = pl.scan_parquet(path)
        faults = pl.concat([NO_FAULTS, *(each.collect().cast(FAULTS) for each in built.faults)])
        due = sum(int(rows.select(pl.len()).collect().item()) for rows in built.due)
        return Extract(
            frame,
            faults.lazy(),
            promised=due if built.due else None,
            fingerprint=columnar.text_digest(f"{entity} {columnar.digest(frame)} {columnar.digest(faults.lazy())}"),
        )

    def arriving(self) -> tuple[Arriving, ...]:
        """Return how far the rows of each query are, in the order in which they were begun."""
        with self._door:
            came = list(self._arrived.items())
        both: dict[str, list[tuple[int, int]]] = {}
        for (query, _), each in came:  # a query of two years is one thing
            both.setdefault(query.title, []).append(each)
        return tuple(
            Arriving(title, sum(rows for rows, _ in each), sum(promised for _, promised in each)) for title, each in both.items()
        )

    def close(self) -> None:
        """Stop what is still being pulled, and remove what was, unless the run has given it a place."""
        self._http.stop()
        self._pool.shutdown(cancel_futures=True)
        if self._pulled is not None and self._pages is None:
            shutil.rmtree(self._pulled, ignore_errors=True)
        self._pulled = None
        self._http.close()

    # --- what is pulled ---

    @property
    def _folder(self) -> Path:
        """Where the pages lie. Whoever asks first makes it; others wait, or they would make it readable for everybody."""
        with self._door:
            if self._pulled is None:
                self._pulled = self._pages or Path(tempfile.mkdtemp(prefix="powerschool-"))
                self._pulled.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._pulled

    @cached_property
    def _has_guardians(self) -> bool:
        """Whether the query of guardians is there. One that is there and may not be read is a complaint, not an absence."""
        if self.config.guardians == "no":
            return False
        try:
            self._client.count(GUARDIANS, {})
        except QueriesUnknown:
            if self.config.guardians == "yes":
                raise
            if "guardianship" in self._had:
                raise GuardiansMissing from None
            return False
        return True

    @cached_property
    def _years(self) -> tuple[str, ...]:
        """The school years that come, found by the day of the import."""
        records = self._read(YEARS, [self._pull(YEARS, "")])
        begun = begun_years(records.collect(), self._today)
        terms = [self._read(TERMS, [self._pull(TERMS, year)]).collect() for year in begun]
        return asked_years(records.collect(), terms, self._today)

    @cached_property
    def _pulls(self) -> dict[str, list[Future[Path]]]:
        queries = [query for query in CORE if query is not YEARS] + ([GUARDIANS] if self._has_guardians else [])
        return {
            short(query): [self._pool.submit(self._pull, query, year) for year in (self._years if query.args else ("",))]
            for query in queries
        }

    def _pull(self, query: Query, year: str) -> Path:
        def came(rows: int, promised: int) -> None:
            with self._door:
                self._arrived[query, year] = rows, promised

        into = self._folder / short(query) / (year or "all")
        self._client.rows(query, {"yearid": year}, into, came)
        return into

    def _rows(self, name: str) -> pl.LazyFrame:
        return self._read(BY_NAME[name], [pull.result() for pull in self._pulls[name]])

    def _read(self, query: Query, folders: Sequence[Path]) -> pl.LazyFrame:
        rows = pl.concat([pl.scan_parquet(folder / "*.parquet") for folder in folders])
        if len(folders) > 1:
            rows = rows.unique(query.key)
        if short(query) in NEVER_EMPTY and not rows.select(pl.len()).collect().item():
            raise IncompleteExtract(f"PowerSchool says that it has nothing at all under {query.title}, which cannot be")
        return clean(rows)


def short(query: Query) -> str:
    """Return the last word of a query's name: where its rows come from, for people."""
    return query.name.rpartition(".")[2]
