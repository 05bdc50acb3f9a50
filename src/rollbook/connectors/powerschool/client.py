"""Asks a PowerSchool for the rows of a query: page by page onto the disk, and all of them or none."""

import base64
import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from rollbook.connectors.powerschool.complaints import (
    METADATA,
    PLUGINS,
    TOKEN,
    FieldsRefused,
    Place,
    QueriesUnknown,
    is_json,
    not_now,
    not_powerschool,
    refused,
    unanswered,
)
from rollbook.connectors.powerschool.queries import Query
from rollbook.domain.errors import IncompleteExtract, SourceBroken, SourceRefused
from rollbook.lib import clock
from rollbook.lib.http import Answer, Failed, Http

PAGE = 5000
#: How often a query is read anew when rows came or went meanwhile.
ROUNDS = 3

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Metadata:
    """What PowerSchool says about itself."""

    version: str
    plugin_id: str  # "" without a token that it honours
    page_limit: int  # rows a page, as an administrator of PowerSchool set it for this plugin; 0: it does not say
    time_zone: str


class PowerSchool:
    """One PowerSchool, for one run: a token is asked for once and kept in memory, since who asks often is turned away.

    Errors: SourceError, as its kind, from every method; Stopped if the client was stopped while it waited.
    """

    def __init__(self, address: str, client_id: str, client_secret: str, http: Http, *, page: int = PAGE) -> None:
        self._address = address
        self._id = "".join(client_id.split())  # copied from a page, blanks come along
        self._secret = "".join(client_secret.split())
        self._http = http
        self._page_size = page
        self._token = ""
        self._until: datetime | None = None
        self._renewed = False
        self._metadata: Metadata | None = None
        self._door = threading.RLock()

    def __repr__(self) -> str:
        return f"PowerSchool({self._address!r})"

    def token(self) -> str:
        """Return the token of this run, or the next one where PowerSchool has said that its time is over."""
        with self._door:
            if not self._token or (self._until is not None and clock.now() >= self._until):
                asked = clock.now()
                headers = {
                    "Authorization": f"Basic {self._key}",
                    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
                    "Accept": "application/json",
                }
                place = self._place(TOKEN)
                reply = self._read(self._send("POST", place, headers, b"grant_type=client_credentials"), place)
                token = reply.get("access_token")
                if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,4096}", token):
                    raise SourceBroken(
                        f"PowerSchool answered without a token {place}.", next_step="Check the address under Setup."
                    )
                self._token = token
                seconds = str(reply.get("expires_in"))  # a number on some servers, a text on others
                self._until = asked + timedelta(seconds=int(seconds)) if re.fullmatch(r"\d{1,9}", seconds) else None
            return self._token

    def metadata(self) -> Metadata:
        """Return what PowerSchool says about itself to this plugin."""
        with self._door:
            if self._metadata is None:
                self._metadata = self._look(self._ask("GET", self._place(METADATA)))
            return self._metadata

    def count(self, query: Query, args: Mapping[str, str]) -> int:
        """Return how many rows a query has at this moment. `args` may hold more than this query asks for."""
        place = Place(self._host, f"/ws/schema/query/{query.name}/count", query)
        said = self._ask("POST", place, content=filled(query, args)).get("count")
        if not isinstance(said, str) or not re.fullmatch(r"\d{1,12}", said):
            raise SourceBroken(f"PowerSchool did not say how many rows there are {place}.")
        return int(said)

    def rows(self, query: Query, args: Mapping[str, str], into: Path, progress: Progress = lambda done, promised: None) -> int:
        """Write all rows of a query into a folder, as parts that `pl.scan_parquet(into / "*.parquet")` reads; say how many.

        Shape: columns are the query's aliases in their order, all text as PowerSchool wrote it ("00123" and 123 stay as they
            are); what it leaves out is null. There is a part even without rows. Several pages may be on their way at a time,
            memory holds as many. Pages that an interrupted attempt of the same run left in `into` are not asked for again,
            as long as it is the same day, the count is the same and no row has moved to another page.
            `progress(done, promised)` is called in the thread that calls this.
        Errors: IncompleteExtract if a page is short, a row comes twice, or rows come and go in each of three attempts.
        """
        for _ in range(ROUNDS):
            promised = self.count(query, args)
            short = ""
            try:
                self._fill(query, args, promised, into, progress)
            except Short as error:
                short = str(error)
            after = self.count(query, args)
            if after == promised and not short:
                return promised
            shutil.rmtree(into)
            if after == promised:
                raise IncompleteExtract(f"{query.title}: {short}.")
        raise IncompleteExtract(
            f"{query.title}: rows came or went while they were read, {ROUNDS} times in a row (last {promised:,}, then {after:,})."
        )

    def check(self, queries: Sequence[Query], args: Mapping[str, str]) -> list[str]:
        """Try everything that an import needs, without reading a row; return a sentence for each step.

        Errors: the first step that fails, as a sentence of its own. Fields and queries that are missing are said all at once.
        """
        found = self._look(self._ask("GET", self._place(METADATA), token=False))
        steps = [f"{self._host} is a PowerSchool{f', version {found.version}' if found.version else ''}."]
        self.token()
        if not self.metadata().plugin_id:
            raise SourceRefused(
                f"PowerSchool gave us a token, but does not know the plugin by it (200 at {METADATA}).",
                next_step=f"In PowerSchool, under {PLUGINS}, see that the Rollbook plugin is enabled.",
            )
        steps.append("It takes the client ID and the client secret.")
        counts: list[str] = []
        unknown: list[str] = []
        fields: list[tuple[str, str]] = []
        for query in queries:
            try:
                counts.append(f"{query.title.lower()} {self.count(query, args):,}")
            except QueriesUnknown:
                unknown.append(query.title)
            except FieldsRefused as error:
                fields += error.fields
        if unknown:
            raise QueriesUnknown(unknown, none_known=len(unknown) == len(queries))
        if fields:
            raise FieldsRefused(fields)
        return [*steps, f"It lets us read all {len(queries)} queries: {', '.join(counts)}."]

    @property
    def _key(self) -> str:
        return base64.b64encode(f"{self._id}:{self._secret}".encode()).decode()

    @property
    def _host(self) -> str:
        return urlsplit(self._address).netloc

    def _place(self, path: str) -> Place:
        return Place(self._host, path)

    def _fill(self, query: Query, args: Mapping[str, str], promised: int, into: Path, progress: Progress) -> None:
        """Bring every page that is not there yet, then look whether they are together what was promised."""
        size = self._prepare(query, args, promised, into)
        if not part(into, 1).exists():
            progress(0, promised)
            first = self._page(query, args, 1, size)
            limit = self.metadata().page_limit
            if len(first) == limit < min(size, promised):  # it gives no more at a time, whatever is asked for
                size = limit
                self._note(query, args, promised, size, into)
            keep(first, 1, size, promised, into)
        done = sum(due(number, size, promised) for number in pages(size, promised) if part(into, number).exists())
        progress(done, promised)
        missing = [number for number in pages(size, promised) if not part(into, number).exists()]
        with ThreadPoolExecutor(self._http.limits.at_once) as pool:
            asked = [
                pool.submit(lambda number: keep(self._page(query, args, number, size), number, size, promised, into), number)
                for number in missing
            ]
            try:
                for each in as_completed(asked):
                    done += each.result()
                    progress(done, promised)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        key = pl.col(query.key)
        found = pl.scan_parquet(into / "*.parquet").select(rows=pl.len(), keys=key.n_unique(), empty=key.null_count()).collect()
        if found["empty"].item():
            raise SourceBroken(f"PowerSchool gave rows without their key {query.key} {Place(self._host, '', query)}.")
        if found["keys"].item() != promised:
            raise Short(f"{promised - found['keys'].item():,} of {promised:,} rows came twice, and as many not at all")

    def _prepare(self, query: Query, args: Mapping[str, str], promised: int, into: Path) -> int:
        """Make the folder ready and return the size of its pages; what answers another question is thrown away."""
        try:
            noted = json.loads((into / "asked.json").read_text())
            size: int = noted["size"]
            if noted == self._asked_for(query, args, promised, size) and self._unmoved(query, args, promised, size, into):
                return size
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # none, or one that was being written
            pass
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        self._note(query, args, promised, self._page_size, into)
        return self._page_size

    def _note(self, query: Query, args: Mapping[str, str], promised: int, size: int, into: Path) -> None:
        (into / "asked.json").write_text(json.dumps(self._asked_for(query, args, promised, size)))

    def _asked_for(self, query: Query, args: Mapping[str, str], promised: int, size: int) -> dict[str, Any]:
        """Say what the pages of a folder answer: pages of equal questions may lie side by side."""
        return {
            "day": clock.now().date().isoformat(),
            "address": self._address,
            "query": query.name,
            "columns": list(query.aliases),
            "args": {each.name: args[each.name] for each in query.args},
            "promised": promised,
            "size": size,
        }

    def _unmoved(self, query: Query, args: Mapping[str, str], promised: int, size: int, into: Path) -> bool:
        """Say whether the rows beside every gap between the pages that are there still have the places that they had.

        One that came and one that went keep the count, but push a row over the edge of a page, where nobody would miss it.
        """
        there = {number for number in pages(size, promised) if part(into, number).exists()}
        after_a_gap = [(number, 0, (number - 1) * size + 1) for number in there - {1} if number - 1 not in there]
        before_one = [(number, -1, number * size) for number in there - {pages(size, promised)[-1]} if number + 1 not in there]
        return all(
            pl.read_parquet(part(into, number))[query.key].slice(row, 1).equals(self._page(query, args, place, 1)[query.key])
            for number, row, place in (*after_a_gap, *before_one)
        )

    def _page(self, query: Query, args: Mapping[str, str], number: int, size: int) -> pl.DataFrame:
        place = Place(self._host, f"/ws/schema/query/{query.name}", query)
        reply = self._ask("POST", place, content=filled(query, args), search=f"?pagesize={size}&page={number}")
        return table(reply.get("record", []), query, place)

    def _ask(self, method: str, place: Place, *, content: bytes = b"", search: str = "", token: bool = True) -> dict[str, Any]:
        """Return the object that was answered. A token that is no longer honoured is renewed once in the life of this client."""
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if content else {})}
        if not token:
            return self._read(self._send(method, place, headers, content, search), place)
        mine = self.token()
        answer = self._send(method, place, {**headers, "Authorization": f"Bearer {mine}"}, content, search)
        if answer.status == 401 and "invalid_token" in answer.headers.get("www-authenticate", ""):
            with self._door:
                if mine == self._token and not self._renewed:
                    self._token, self._renewed = "", True
                mine = self.token()
            answer = self._send(method, place, {**headers, "Authorization": f"Bearer {mine}"}, content, search)
        return self._read(answer, place)

    def _send(self, method: str, place: Place, headers: Mapping[str, str], content: bytes, search: str = "") -> Answer:
        try:
            return self._http.send(method, f"{self._address}{place.path}{search}", headers=headers, content=content, busy=not_now)
        except Failed as error:
            raise unanswered(error, place) from error

    def _read(self, answer: Answer, place: Place) -> dict[str, Any]:
        """Read an object. Numbers come as the texts that they were written as, so that no digit is lost."""
        if answer.status == 200 and is_json(answer):
            try:
                reply = json.loads(answer.body, parse_int=str, parse_float=str, parse_constant=str)
            except (ValueError, RecursionError):
                reply = None
            if isinstance(reply, dict):
                return reply
        raise refused(answer, place, (self._key, self._secret, self._token))

    def _look(self, reply: Mapping[str, Any]) -> Metadata:
        said = reply.get("metadata")
        if not isinstance(said, dict):
            raise not_powerschool(Answer(200, {}, b""), self._place(METADATA))
        limit = str(said.get("schema_table_query_max_page_size", ""))
        return Metadata(
            re.sub(r"[^\w.-]", "", str(said.get("powerschool_version", "")))[:40],
            re.sub(r"[^\w.-]", "", str(said.get("plugin_id", "")))[:40],
            int(limit) if re.fullmatch(r"\d{1,9}", limit) else 0,
            re.sub(r"[^\w/+-]", "", str(said.get("district_timezone", "")))[:60],
        )


class Short(Exception):
    """What came is not what was promised. It may be that the promise is out of date."""


def filled(query: Query, args: Mapping[str, str]) -> bytes:
    return json.dumps({each.name: args[each.name] for each in query.args}).encode()


def pages(size: int, promised: int) -> range:
    return range(1, max(1, -(-promised // size)) + 1)


def due(number: int, size: int, promised: int) -> int:
    """Return how many rows a page has to have."""
    return max(0, min(size, promised - (number - 1) * size))


def part(into: Path, number: int) -> Path:
    return into / f"page-{number:06}.parquet"


def keep(frame: pl.DataFrame, number: int, size: int, promised: int, into: Path) -> int:
    """Write a page if it is whole; return how many rows it has. A half-written one has another name."""
    if len(frame) != due(number, size, promised):
        raise Short(f"page {number} has {len(frame):,} rows instead of {due(number, size, promised):,}")
    path = part(into, number)
    unfinished = path.with_suffix(f".{os.getpid()}")  # whoever was taken for dead may still be writing
    frame.write_parquet(unfinished, compression="zstd")
    unfinished.replace(path)
    return len(frame)


def table(found: Any, query: Query, place: Place) -> pl.DataFrame:
    """Make columns of the rows of one page."""
    schema = dict.fromkeys(query.aliases, pl.String)
    try:
        keys = set().union(*found)
        if any(key != key.lower() for key in keys):  # not seen so far; one page is small
            found = [{key.lower(): value for key, value in row.items()} for row in found]
            keys = {key.lower() for key in keys}
        if found and keys.isdisjoint(schema):
            raise TypeError
        return pl.DataFrame(found, schema=schema, strict=False)
    except (TypeError, AttributeError, ValueError, pl.exceptions.PolarsError):  # the text of these may quote a row
        raise SourceBroken(f"PowerSchool's rows do not have the form that the plugin asks for {place}.") from None
