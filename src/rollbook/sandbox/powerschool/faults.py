"""The switches: whatever can go wrong with a PowerSchool, by name, from when on and how often."""

import threading
from collections import Counter
from dataclasses import dataclass

_API, _QUERY, _TOKEN, _ALL = "/ws/", "/ws/schema/query/", "/oauth/", "/"


@dataclass(frozen=True)
class Fault:
    """One thing that can go wrong. `where` begins the paths of the requests that it meets, `times` is how often unless said."""

    says: str
    where: str = _API
    times: int | None = None


FAULTS = {
    "throttle": Fault("429 with Retry-After when requests come closer than the minimum interval"),
    "throttle-silent": Fault("the same without Retry-After"),
    "too-many-requests": Fault("429 with Retry-After, however patient the client is"),
    "token-throttle": Fault("429 when tokens are asked for too often", _TOKEN),
    "slow": Fault("every answer takes its time"),
    "cut": Fault("the connection breaks in the middle of the answer"),
    "truncated-json": Fault("half an answer that claims to be whole"),
    "server-error": Fault("500"),
    "bad-gateway": Fault("502, from a proxy in front"),
    "unavailable": Fault("503"),
    "gateway-timeout": Fault("504, from a proxy in front"),
    "maintenance": Fault("302, then a page 'PowerSchool page unavailable' with 200", _ALL),
    "token-expired": Fault("the token runs out in the middle of a pull", times=1),
    "credentials-changed": Fault("an admin makes new credentials in the middle of a pull", times=1),
    "plugin-disabled": Fault("an admin disables the plugin in the middle of a pull", _ALL),
    "field-withdrawn": Fault("a field that was granted is not any more", "/ws/schema/"),
    "v1-closed": Fault("the access level for v1 is NONE", "/ws/v1/"),
    "row-inserted": Fault("a row is inserted between two pages", _QUERY, times=1),
    "empty": Fault("an answer without rows, where there are some"),
    "short-page": Fault("a page has one row less than it should"),
    "unstable-order": Fault("a query without ORDER BY gives its rows in another order each time", _QUERY),
    "numbers": Fault("queries answer with numbers where they are text otherwise", _QUERY),
    "large-page-refused": Fault("a page size above the maximum is refused, not lowered"),
    "star-refused": Fault("projection=* is refused where not every column was granted", "/ws/schema/table/"),
}

#: What the faults that are nothing but a status answer with.
STATUSES = {"server-error": 500, "bad-gateway": 502, "unavailable": 503, "gateway-timeout": 504}


@dataclass
class _Switch:
    after: int
    times: int | None
    seen: int = 0


class Faults:
    """The switches of one PowerSchool. `hits` counts what each has done, also after it is off."""

    def __init__(self) -> None:
        self._on: dict[str, _Switch] = {}
        self._lock = threading.Lock()
        self.hits: Counter[str] = Counter()

    def on(self, name: str, *, after: int = 0, times: int | None = None) -> None:
        """Switch a fault on, for so many requests, after so many that it lets pass. KeyError for a name that is none."""
        with self._lock:
            self._on[name] = _Switch(after, FAULTS[name].times if times is None else times)

    def off(self, name: str) -> None:
        """Switch a fault off."""
        with self._lock:
            self._on.pop(name, None)

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._on.clear()

    def is_on(self, name: str) -> bool:
        """Say whether a fault is on, or would still come."""
        return name in self._on

    def due(self, path: str) -> frozenset[str]:
        """Return what goes wrong with a request, and count it."""
        with self._lock:
            return frozenset(name for name, switch in self._on.items() if self._meets(name, switch, path))

    def _meets(self, name: str, switch: _Switch, path: str) -> bool:
        if not path.startswith(FAULTS[name].where):
            return False
        switch.seen += 1
        late = switch.times is not None and switch.seen > switch.after + switch.times
        if switch.seen <= switch.after or late:
            return False
        self.hits[name] += 1
        return True


def spelled(text: str) -> tuple[str, int, int | None]:
    """Read `NAME`, `NAME:AFTER` or `NAME:AFTER:TIMES`. ValueError for anything else."""
    name, *numbers = text.split(":")
    if name not in FAULTS or len(numbers) > 2 or not all(number.isdigit() for number in numbers):
        raise ValueError(text)
    after, times = [*map(int, numbers), *(None, None)][:2]
    return name, after or 0, times
