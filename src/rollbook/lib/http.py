"""Asks other machines politely: none on our own network, none in a hurry, and never for more than fits.

People type the addresses that are asked. So a name is resolved here, what it stands for is checked, and the connection
goes to exactly that: a name that changes its mind between look and leap gains nothing. Nothing follows a redirect, no
proxy is taken from the environment, and no cookie is kept, since there is nothing here that could do so.
"""

import ipaddress
import logging
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpcore2
import httpx2

from rollbook.lib import clock

log = logging.getLogger(__name__)
# At its lowest level it writes headers.
logging.getLogger("httpcore2").setLevel(logging.WARNING)

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
UNICAST = ipaddress.IPv6Network("2000::/3")
PACKED = ("", "identity", "gzip", "deflate")


class Failed(Exception):
    """No whole answer came. `again`: another try might fare better. The text never has a query, a body or a header in it."""

    again = False


class Guarded(Failed):
    """The address leads into the network that this machine stands in."""


class UnknownHost(Failed):
    """The name has no address."""


class NotReachable(Failed):
    """Nobody takes the connection."""

    again = True


class NotTls(Failed):
    """Something answers there, but not with TLS."""


class WrongCertificate(Failed):
    """The certificate is not to be trusted; the text is the reason."""


class TimedOut(Failed):
    """Nothing came for too long."""

    again = True


class CutOff(Failed):
    """The connection ended, or stopped making sense, before the answer was whole."""

    again = True


class TooLarge(Failed):
    """The answer is larger than we are willing to hold."""


class Stopped(Exception):
    """Somebody asked us to stop while we waited."""


@dataclass(frozen=True)
class Limits:
    """How long, how much, how often. Units: seconds and bytes."""

    connect: float = 10.0
    read: float = 60.0  # of silence
    write: float = 30.0
    whole: float = 300.0  # from the first byte of a body to its last
    body: int = 64 * 2**20
    unpacked: int = 256 * 2**20
    tries: int = 6
    patience: float = 600.0  # for one question with all its repeats
    first_pause: float = 1.0
    longest_pause: float = 60.0
    apart: float = 0.25  # between the starts of two requests, whoever makes them
    widest: float = 5.0  # what `apart` may grow to
    at_once: int = 2


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # lower-case names
    body: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """Return the content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def retry_after(self) -> float:
        """Return how many seconds the other side asks us to wait, 0 if it does not say."""
        said = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d+)?", said):
            return float(said)
        try:
            return max(0.0, (parsedate_to_datetime(said) - clock.now()).total_seconds())
        except (ValueError, TypeError):  # not a date, or one without its zone
            return 0.0


#: Says of an answer how many seconds it asks us to wait before we ask again (0: it does not say), or None: it is the answer.
Busy = Callable[[Answer], float | None]


def busy(answer: Answer) -> float | None:
    """Take 429 and the answers of a server in trouble for "not now"."""
    return answer.retry_after if answer.status in (429, 500, 502, 503, 504) else None


class Guard(httpcore2.SyncBackend):
    """Opens connections to the outside, and to what the operator allows by name or network.

    Errors: ValueError if an allowed network is none.
    """

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        entries = [entry.strip().strip("[]").lower() for entry in allowed if entry.strip()]
        self._networks = [ipaddress.ip_network(entry, strict=False) for entry in entries if looks_like_network(entry)]
        self._names = {entry.rstrip(".") for entry in entries if not looks_like_network(entry)}

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        permitted = [address for address in resolve(host, port) if self.permits(host, address)][:6]
        if not permitted:
            raise Guarded(f"{host} leads into the network that this machine stands in")
        ends = time.monotonic() + (timeout or 60)
        failure: Exception = NotReachable(host)
        for place, address in enumerate(permitted):
            # One that swallows what it is sent leaves time for the others.
            share = max(0.1, (ends - time.monotonic()) / (len(permitted) - place))
            try:
                return super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def permits(self, host: str, address: str) -> bool:
        """Say whether this host may be asked at this address."""
        if host.strip("[]").rstrip(".").lower() in self._names:
            return True
        plain = unwrapped(ipaddress.ip_address(address))
        return is_outside(plain) or any(plain in network for network in self._networks)


def is_listed(host: str, allowed: Sequence[str]) -> bool:
    """Say whether the operator allows a host by its name, or by a network that its number is in. No name is looked up."""
    for entry in allowed:
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[] "), strict=False):
                return True
        except ValueError:  # one of them is a name
            if host == entry.strip().lower().rstrip("."):
                return True
    return False


def looks_like_network(entry: str) -> bool:
    return "/" in entry or ":" in entry or re.fullmatch(r"[\d.]+", entry) is not None


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, those to be tried first first. A number is a name, too, however it is written."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        unknown = UnknownHost(f"the name {host} has no address")
        unknown.again = getattr(error, "errno", None) == socket.EAI_AGAIN
        raise unknown from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def unwrapped(address: IP) -> IP:
    """Return the IPv4 address that an IPv6 address stands for: mapped, 6to4 or NAT64; any other as it is."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_outside(address: IP) -> bool:
    """Say whether an address belongs to the public internet, where anybody could ask it."""
    return address.is_global and not address.is_multicast and (address.version == 4 or address in UNICAST)


class Http:
    """Puts questions that only read, so that repeating one does no harm.

    Shape: any number of threads may ask; `limits.at_once` of them are let through at a time, and one only as soon as the
        other side says 429, from when on the requests are also further apart.
    `waiting(seconds, because)` is told of every wait before it begins, in the thread that waits, and may raise to end it.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[str] = (),
        limits: Limits | None = None,
        waiting: Callable[[float, str], None] = lambda seconds, because: None,
        trust: ssl.SSLContext | None = None,
        pause: Callable[[float], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.waiting = waiting
        self._pool = httpcore2.ConnectionPool(
            ssl_context=trust or httpcore2.default_ssl_context(),
            network_backend=Guard(allowed),
            max_connections=self.limits.at_once,
            keepalive_expiry=20.0,
        )
        self._pause = pause or self._sleep
        self._now = monotonic
        self._stopped = threading.Event()
        self._room = threading.Condition()
        self._inside = 0
        self._at_once = self.limits.at_once
        self._apart = self.limits.apart
        self._free_at = 0.0

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        busy: Busy = busy,
    ) -> Answer:
        """Return the answer, whatever its status; one that says "not now" only after the last try.

        Errors: Failed, as its kind; Stopped.
        """
        ends = self._now() + self.limits.patience
        for count in range(1, self.limits.tries + 1):
            try:
                with self._turn():
                    answer = self._once(method, url, headers or {}, content)
            except Failed as error:
                log.info("%s %s: %s", method, urlsplit(url).path, type(error).__name__)
                if not error.again or not self._repeat(count, ends, 0.0, str(error)):
                    raise
                continue
            log.info("%s %s: %d", method, urlsplit(url).path, answer.status)
            asked = busy(answer)
            if asked is None:
                return answer
            if 400 <= answer.status < 500:
                self._slow_down(asked)
            if not self._repeat(count, ends, asked, f"it answered {answer.status}"):
                return answer
        raise AssertionError("the last try returns or raises")

    def stop(self) -> None:
        """End every wait, in whichever thread, with Stopped."""
        self._stopped.set()
        with self._room:
            self._room.notify_all()

    def close(self) -> None:
        self._pool.close()

    def _once(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        limits = self.limits
        every = {"Accept-Encoding": "gzip", "User-Agent": "Rollbook", **headers}
        times = {"connect": limits.connect, "read": limits.read, "write": limits.write, "pool": limits.patience}
        try:
            with self._pool.stream(
                method, url, headers=list(every.items()), content=content, extensions={"timeout": times}
            ) as raw:
                return self._whole(raw)
        except httpcore2.TimeoutException as error:
            raise TimedOut(f"no answer {'to the connection ' * isinstance(error, httpcore2.ConnectTimeout)}in time") from None
        except httpcore2.ConnectError as error:
            raise _why_not_connected(error) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpx2.DecodingError):
            raise CutOff("the connection broke off before the answer was whole") from None

    def _whole(self, raw: httpcore2.Response) -> Answer:
        limits = self.limits
        ends = self._now() + limits.whole
        answer = httpx2.Response(raw.status, headers=raw.headers, content=raw.iter_stream())
        if answer.headers.get("content-encoding", "").strip().lower() not in PACKED:
            raise CutOff("the answer is packed in a way that was not asked for")
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if answer.num_bytes_downloaded > limits.body or len(body) > limits.unpacked:
                raise TooLarge(f"the answer is larger than {limits.body:,} bytes, or than {limits.unpacked:,} unpacked")
            if self._now() > ends:
                raise TimedOut(f"the answer was not whole after {limits.whole:.0f} seconds")
        return Answer(raw.status, dict(answer.headers), bytes(body))

    def _repeat(self, count: int, ends: float, asked: float, because: str) -> bool:
        """Wait before the next try. False: there is none, since the tries or the patience would not last."""
        pause = min(self.limits.longest_pause, self.limits.first_pause * 2.0 ** (count - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
        pause = max(pause, asked + random.uniform(0.0, self.limits.first_pause) if asked else 0.0)  # noqa: S311
        if count >= self.limits.tries or self._now() + pause > ends:
            return False
        self._wait(pause, because)
        return True

    def _slow_down(self, asked: float) -> None:
        with self._room:
            self._at_once = 1
            self._apart = min(self.limits.widest, self._apart * 2 or 0.25)
            # Not an hour, though an hour were asked for: whoever comes next is to hear that for himself.
            self._free_at = max(self._free_at, self._now() + min(self.limits.longest_pause, max(asked, self._apart)))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._room:
            while self._inside >= self._at_once and not self._stopped.is_set():
                self._room.wait()
            now = self._now()
            starts = max(now, self._free_at)
            self._free_at = starts + self._apart
            self._inside += 1
        try:
            self._wait(starts - now, "requests are kept apart")
            yield
        finally:
            with self._room:
                self._inside -= 1
                self._room.notify_all()

    def _wait(self, seconds: float, because: str) -> None:
        if self._stopped.is_set():
            raise Stopped
        if seconds > 0:
            self.waiting(seconds, because)
            self._pause(seconds)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Stopped


def _why_not_connected(error: httpcore2.ConnectError) -> Failed:
    origin = error.args[0] if error.args else None
    if isinstance(origin, ssl.SSLCertVerificationError):
        return WrongCertificate(origin.verify_message.rstrip(".") or "it could not be verified")
    if isinstance(origin, ssl.SSLError) and not isinstance(origin, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return NotTls("it does not answer with TLS")
    reason = origin.strerror if isinstance(origin, OSError) and not isinstance(origin, ssl.SSLError) else ""
    return NotReachable((reason or "the connection was closed at once").lower())
