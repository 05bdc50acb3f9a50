"""One simulated PowerSchool without its sockets: a request goes in, an answer comes out, and both are remembered."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import unquote

import polars as pl

from rollbook.sandbox.powerschool import guesses, oauth, power_query, table_api, v1
from rollbook.sandbox.powerschool.answers import HTML, Answer, Refused, Request, joined, redirect, schema_error
from rollbook.sandbox.powerschool.database import Database
from rollbook.sandbox.powerschool.faults import STATUSES, Faults
from rollbook.sandbox.powerschool.grants import Call
from rollbook.sandbox.powerschool.installed import Installed, Plugins
from rollbook.sandbox.powerschool.moving_clock import MovingClock

Tables = Mapping[str, pl.DataFrame]
#: Makes a district's next day: of its tables, a seed and that day.
Tomorrow = Callable[[Tables, int, date], Tables]

OUTAGE = "/outage/unavailable.html"
_OUTAGE_PAGE = b"""<!DOCTYPE html><html lang="en"><head><title>PowerSchool page unavailable</title></head>
<body><h1>PowerSchool page unavailable</h1><p>PowerSchool is being maintained. Please try again later.</p></body></html>"""

#: While `throttle` is on and no admin has set another interval.
_INTERVAL_MS = 500
_LOG_LIMIT = 5_000


@dataclass(frozen=True)
class Logged:
    """One request that came, and the status it was answered with; `plugin` is 0 without a good token."""

    at: datetime
    method: str
    path: str
    query: str
    body: str
    status: int
    plugin: int
    faults: tuple[str, ...] = ()


class System:
    """A PowerSchool: its district, its plugins, its clock, its switches, and the log of what was asked."""

    def __init__(self, tables: Tables, *, tomorrow: Tomorrow | None = None) -> None:
        self.database = Database(tables)
        self.plugins = Plugins()
        self.faults = Faults()
        self.clock = MovingClock()
        self.log: deque[Logged] = deque(maxlen=_LOG_LIMIT)
        #: "Minimum time interval (ms) between API requests per plugin"; 0 is off.
        self.minimum_interval_ms = 0
        #: How long an answer takes while `slow` is on.
        self.slow_seconds = 5.0
        self.day = 0
        self.stopping = threading.Event()
        self._tomorrow = tomorrow
        self._lock = threading.Lock()
        self._inserted: list[tuple[str, int]] = []

    def close(self) -> None:
        """Let go of the tables."""
        self.stopping.set()
        self.database.close()

    def tomorrow(self) -> None:
        """Let a night pass: the clock moves a day, and some people come, go and change."""
        with self._lock:
            self.clock.forward(days=1)
            self.day += 1
            if self._tomorrow:
                self.database.replace(self._tomorrow(self.database.frames, self.day, self.clock.today()))

    def switch_off(self, name: str) -> None:
        """Switch a fault off, and take back what it did to the tables."""
        self.faults.off(name)
        if name == "row-inserted":
            with self._lock:
                for table, key in self._inserted:
                    self.database.delete(table, key)
                self._inserted.clear()

    def respond(self, request: Request) -> Answer:
        """Answer a request of the API."""
        faults = frozenset[str]() if request.path == OUTAGE else self.faults.due(request.path)
        plugin = oauth.bearer(request, self.plugins, self.clock)
        try:
            answer = self._api(request, plugin, faults)
        except Refused as refused:
            answer = refused.answer
        if answer.status == 200 and faults & {"cut", "truncated-json"}:
            answer = _broken(answer, cut="cut" in faults)
        body = request.body.decode("utf-8", "replace")
        number = plugin.number if plugin else 0
        asked = (request.method, request.path, request.query, body)
        self.log.append(Logged(self.clock.now(), *asked, answer.status, number, tuple(sorted(faults))))
        return answer

    def _api(self, request: Request, plugin: Installed | None, faults: frozenset[str]) -> Answer:
        path = unquote(request.path)
        if path == OUTAGE:
            return Answer(200, _OUTAGE_PAGE, HTML)
        if "maintenance" in faults:
            return redirect(OUTAGE)
        if "slow" in faults:
            self.stopping.wait(self.slow_seconds)
        for name, status in STATUSES.items():
            if name in faults:
                return Answer(status, b"<html><head><title>Error</title></head><body>Error</body></html>", HTML)
        if path in oauth.TOKEN_PATHS:
            with self._lock:  # two who ask at once get one token
                return oauth.give_token(request, self.plugins, self.clock, faults)
        if "too-many-requests" in faults:
            raise oauth.too_many(1)
        if plugin and "plugin-disabled" in faults:
            raise oauth.unauthorized(guesses.UNKNOWN_TOKEN)
        if plugin and "token-expired" in faults:
            plugin.end_token()
            raise oauth.unauthorized()
        if plugin and "credentials-changed" in faults:
            plugin.renew()
            raise oauth.unauthorized(guesses.UNKNOWN_TOKEN)
        if plugin:
            self._keep_interval(plugin, faults)
        if path in v1.OPEN_PATHS:
            return v1.open_to_all(request, path, plugin, self.clock)
        if plugin is None:
            raise oauth.dead_token(request, self.plugins)
        return self._known(Call(request, plugin, self.plugins, self.database, self.clock, faults), path)

    def _keep_interval(self, plugin: Installed, faults: frozenset[str]) -> None:
        throttled = faults & {"throttle", "throttle-silent"}
        interval = self.minimum_interval_ms or (_INTERVAL_MS if throttled else 0)
        with self._lock:
            now, last = self.clock.now(), plugin.last_request
            early = last is not None and (now - last).total_seconds() * 1000 < interval
            if not early or guesses.REFUSED_RESTARTS_WINDOW:
                plugin.last_request = now
        if early:
            raise oauth.too_many(-(-interval // 1000), silent="throttle-silent" in faults)

    def _known(self, call: Call, path: str) -> Answer:
        if path.startswith("/ws/v1/"):
            return v1.answer(call, path.removeprefix("/ws/v1/"))
        if path == "/ws/schema/query/api":
            return power_query.listing(call)
        if path.startswith("/ws/schema/query/"):
            name = path.removeprefix("/ws/schema/query/")
            answer = power_query.answer(call, name.removesuffix("/count"), count_only=name.endswith("/count"))
            if "row-inserted" in call.faults:
                self._insert_after(answer, name.removesuffix("/count"))
            return answer
        if path.startswith("/ws/powerqueryaccesslist/"):
            return power_query.accesses(call, path.removeprefix("/ws/powerqueryaccesslist/"))
        if path == "/ws/schema/table" or path.startswith(("/ws/schema/table/", "/ws/schema/area", "/ws/schema/plugin/")):
            return table_api.answer(call, path.removeprefix("/ws/schema/"))
        if path.startswith("/ws/dataversion/"):
            return table_api.dataversion(call, path)
        raise schema_error(404, "Resource not found")

    def _insert_after(self, answer: Answer, name: str) -> None:
        """Insert a row now: a reader that began before does not see it, the next page does."""
        found = self.plugins.query(name)
        if answer.status == 200 and found and found[1].core_table:
            table = found[1].core_table
            with self._lock:
                self._inserted.append((table, self.database.insert_first(table)))


def _broken(answer: Answer, *, cut: bool) -> Answer:
    """Return half of an answer: sent as if it were whole, or cut off by the connection."""
    body = answer.body if isinstance(answer.body, bytes) else joined(answer.body)
    return Answer(answer.status, body if cut else body[: len(body) // 2], answer.kind, answer.headers, cut)
