"""Asking other machines: never one inside, never for ever, never too much, and politely when they are busy."""

import gzip
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollbook.lib import clock, http
from rollbook.lib.http import Answer, Guard, Http, Limits
from tests.lib.answering import NOBODY, Answering, Asked, Reply, one_after_the_other, write_certificate

HERE = ["127.0.0.0/8"]


class Clock:
    """Stands still but for pauses, which it notes."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.at

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.at += seconds


@pytest.fixture
def stopped() -> Clock:
    return Clock()


@pytest.fixture
def asking(stopped: Clock) -> Iterator[Callable[..., Http]]:
    made: list[Http] = []

    def make(allowed: list[str] = HERE, trust: ssl.SSLContext | None = NOBODY, **limits: Any) -> Http:
        limits = {"apart": 0.0, **limits}
        made.append(Http(allowed=allowed, limits=Limits(**limits), trust=trust, pause=stopped.pause, monotonic=stopped))
        return made[-1]

    yield make
    for each in made:
        each.close()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[Any]:
    """Let every name have these addresses; give the list of names that were looked up."""
    looked_up: list[Any] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        if host in addresses:
            return real(host, port, *rest, **named)
        looked_up.append(host)
        return [each for address in addresses for each in real(address, port, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up


INSIDE = [
    *(
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.0.1",
    ),
    *("0.0.0.0", "0.1.2.3", "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "192.0.2.1", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1"),
    *("fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "ff0e::1", "100::1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_our_own_network_is_asked(address: str) -> None:
    assert not Guard().permits("ps.example.org", address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2600:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_internet_may_be_asked(address: str) -> None:
    assert Guard().permits("ps.example.org", address)


@pytest.mark.parametrize(
    ("allowed", "host", "address", "permitted"),
    [
        ("10.0.0.0/8", "ps.example.org", "10.1.2.3", True),
        ("10.0.0.0/8", "ps.example.org", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "ps.example.org", "2002:a01:203::1", True),
        ("10.0.0.0/8", "ps.example.org", "64:ff9b::a01:203", True),
        ("10.0.0.0/8", "ps.example.org", "11.1.2.3", True),  # outside anyway
        ("10.0.0.0/8", "ps.example.org", "192.168.1.1", False),
        ("10.1.2.3", "ps.example.org", "10.1.2.4", False),
        ("fd00::/8", "ps.example.org", "fd12::1", True),
        ("ps.example.org", "ps.example.org", "10.1.2.3", True),
        (" PS.Example.org. ", "ps.example.org", "10.1.2.3", True),
        ("ps.example.org", "other.example.org", "10.1.2.3", False),
        ("example.org", "ps.example.org", "10.1.2.3", False),
        ("", "ps.example.org", "10.1.2.3", False),
    ],
)
def test_only_what_the_operator_lists_is_let_in(allowed: str, host: str, address: str, permitted: bool) -> None:
    assert Guard([allowed]).permits(host, address) is permitted


def test_a_mistyped_network_is_not_taken_for_a_name() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/33"):
        Guard(["10.0.0.0/33"])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
def test_our_own_machine_is_not_asked_however_it_is_written(asking: Callable[..., Http], host: str) -> None:
    with Answering(one_after_the_other(Reply())) as server:
        with pytest.raises((http.Guarded, http.UnknownHost)):
            asking(allowed=[], tries=1).send("GET", f"http://{host}:{server.port}/")
        assert not server.asked


def test_a_name_that_leads_inside_is_refused_when_the_connection_is_made(
    asking: Callable[..., Http], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "127.0.0.1")
    with Answering(one_after_the_other(Reply())) as server:
        with pytest.raises(http.Guarded, match=r"ps\.example\.org leads into the network"):
            asking(allowed=[]).send("GET", f"http://ps.example.org:{server.port}/")
        assert not server.asked


def test_the_address_that_was_checked_is_the_one_that_is_asked(
    asking: Callable[..., Http], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two addresses the forbidden one is left out, and the name is looked up once: it cannot change its mind."""
    looked_up = resolves_to(monkeypatch, "127.0.0.1", "10.0.0.1")
    with Answering(one_after_the_other(Reply())) as server:
        answer = asking(allowed=["127.0.0.1"]).send("GET", f"http://ps.example.org:{server.port}/")
    assert answer.status == 200
    assert looked_up == ["ps.example.org"]
    assert server.asked[0].headers["host"] == f"ps.example.org:{server.port}"


def test_an_address_that_takes_no_connection_leaves_the_others(
    asking: Callable[..., Http], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "::1", "127.0.0.1")  # the server listens at the second only
    with Answering(one_after_the_other(Reply())) as server:
        answer = asking(allowed=["::1", "127.0.0.1"], tries=1).send("GET", f"http://ps.example.org:{server.port}/")
    assert answer.status == 200


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    asking: Callable[..., Http], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    resolves_to(monkeypatch, "127.0.0.1")
    certificate = write_certificate(tmp_path, "ps.example.org")
    trust = ssl.create_default_context(cafile=str(certificate))
    with Answering(one_after_the_other(Reply()), certificate) as server:
        mine = asking(trust=trust)
        assert mine.send("GET", f"https://ps.example.org:{server.port}/").status == 200
        with pytest.raises(http.WrongCertificate, match="mismatch"):
            mine.send("GET", f"https://other.example.org:{server.port}/")


def test_a_certificate_that_nobody_vouches_for_is_refused(asking: Callable[..., Http], tmp_path: Path) -> None:
    with Answering(one_after_the_other(Reply()), write_certificate(tmp_path, "127.0.0.1")) as server:
        with pytest.raises(http.WrongCertificate, match="self-signed"):
            asking(trust=None).send("GET", server.url)  # None: those whom the system trusts
        assert not server.asked


def test_a_server_without_tls_is_told_from_a_wrong_certificate(asking: Callable[..., Http]) -> None:
    with Answering(one_after_the_other(Reply())) as server, pytest.raises(http.NotTls):
        asking().send("GET", f"https://127.0.0.1:{server.port}/")


def test_nobody_there_is_tried_again_and_then_said(asking: Callable[..., Http], stopped: Clock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        with pytest.raises(http.NotReachable, match="refused"):
            asking(tries=3).send("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert len(stopped.pauses) == 2


def test_a_name_without_an_address_is_not_asked_again(
    asking: Callable[..., Http], stopped: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(http.UnknownHost, match="nowhere"):
        asking().send("GET", "https://nowhere.example.org/")
    assert not stopped.pauses


def test_a_redirect_is_an_answer_and_not_a_way(asking: Callable[..., Http]) -> None:
    with Answering(one_after_the_other(Reply(302, headers={"Location": "/elsewhere"}))) as server:
        assert asking().send("POST", f"{server.url}/here", content=b"x").status == 302
        assert [each.path for each in server.asked] == ["/here"]


def test_no_proxy_is_taken_from_the_environment(asking: Callable[..., Http], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Answering(one_after_the_other(Reply())) as server:
        assert asking().send("GET", server.url).status == 200


def test_cookies_are_not_kept(asking: Callable[..., Http]) -> None:
    with Answering(one_after_the_other(Reply(headers={"Set-Cookie": "session=1; Path=/"}))) as server:
        mine = asking()
        mine.send("GET", server.url)
        mine.send("GET", server.url)
        assert "cookie" not in server.asked[1].headers


def test_an_answer_that_is_too_large_is_not_held(asking: Callable[..., Http]) -> None:
    with Answering(one_after_the_other(Reply(body=b"x" * 5000))) as server:
        with pytest.raises(http.TooLarge):
            asking(body=4000).send("GET", server.url)
        assert len(server.asked) == 1


def test_a_small_answer_cannot_unpack_to_a_large_one(asking: Callable[..., Http]) -> None:
    packed = gzip.compress(b"\0" * 5_000_000)
    with Answering(one_after_the_other(Reply(body=packed, headers={"Content-Encoding": "gzip"}))) as server:
        assert len(asking().send("GET", server.url).body) == 5_000_000
        with pytest.raises(http.TooLarge):
            asking(body=len(packed), unpacked=4_000_000).send("GET", server.url)


@pytest.mark.parametrize("packing", ["gzip, gzip", "br"])
def test_a_packing_that_nobody_asked_for_is_not_unpacked(asking: Callable[..., Http], packing: str) -> None:
    body = gzip.compress(gzip.compress(b"{}"))
    reply = Reply(body=body, headers={"Content-Encoding": packing})
    with Answering(one_after_the_other(reply)) as server, pytest.raises(http.CutOff):
        asking(tries=1).send("GET", server.url)


def test_a_server_that_says_nothing_is_not_waited_for(asking: Callable[..., Http]) -> None:
    over = threading.Event()

    def silent(_: Asked) -> None:
        over.wait(10)

    with Answering(silent) as server:
        with pytest.raises(http.TimedOut):
            asking(read=0.1, tries=1).send("GET", server.url)
        over.set()


def test_an_answer_that_never_ends_is_ended(asking: Callable[..., Http], stopped: Clock) -> None:
    class Late(Clock):
        def __call__(self) -> float:
            self.at += 200
            return self.at

    with Answering(one_after_the_other(Reply(body=b"x"))) as server:
        mine = Http(allowed=HERE, trust=NOBODY, limits=Limits(whole=100, tries=1), monotonic=Late(), pause=lambda seconds: None)
        with pytest.raises(http.TimedOut, match="not whole after 100 seconds"):
            mine.send("GET", server.url)
        mine.close()


@pytest.mark.parametrize("first", [None, Reply(body=b'{"a": 1}', cut=0), Reply(body=b'{"a": 1}', cut=4)])
def test_a_connection_that_breaks_off_is_no_answer(asking: Callable[..., Http], first: Reply | None) -> None:
    with Answering(one_after_the_other(first, Reply(body=b"whole"))) as server:
        assert asking().send("GET", server.url).body == b"whole"
        assert len(server.asked) == 2
    with Answering(one_after_the_other(first)) as server, pytest.raises(http.CutOff):
        asking(tries=2).send("GET", server.url)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_not_now_is_asked_again_with_growing_pauses_and_an_end(asking: Callable[..., Http], stopped: Clock, status: int) -> None:
    with Answering(one_after_the_other(Reply(status))) as server:
        assert asking(tries=5).send("GET", server.url).status == status
        assert len(server.asked) == 5
    pauses = stopped.pauses
    if status == 429:
        pauses = [pause for pause in pauses if pause >= 0.5]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, [(0.5, 1), (1, 2), (2, 4), (4, 8)], strict=True))


def test_two_who_fail_at_once_do_not_come_back_at_once(asking: Callable[..., Http], stopped: Clock) -> None:
    with Answering(one_after_the_other(Reply(503))) as server:
        for _ in range(5):
            asking(tries=2).send("GET", server.url)
    assert len(set(stopped.pauses)) == 5


def test_the_other_side_says_how_long_to_wait(
    asking: Callable[..., Http], stopped: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 2, 6, 0, 0, tzinfo=UTC))
    replies = [Reply(429, headers={"Retry-After": said}) for said in ("7", "Mon, 02 Mar 2026 06:00:40 GMT", "soon")]
    with Answering(one_after_the_other(*replies, Reply())) as server:
        assert asking().send("GET", server.url).status == 200
    long = [pause for pause in stopped.pauses if pause > 5]
    assert 7 <= long[0] <= 8
    assert 40 <= long[1] <= 41
    assert len(long) == 2, "'soon' is no number: the usual pause"


def test_who_asks_for_an_hour_is_not_waited_for(asking: Callable[..., Http], stopped: Clock) -> None:
    with Answering(one_after_the_other(Reply(429, headers={"Retry-After": "3600"}))) as server:
        mine = asking(patience=600)
        answer = mine.send("GET", server.url)
        assert len(server.asked) == 1
        assert answer.status == 429
        assert answer.retry_after == 3600
        assert stopped.pauses == []
        mine.send("GET", server.url)
        assert stopped.pauses == [60], "nor does who comes next wait for an hour"


def test_every_wait_is_told_before_it_begins(stopped: Clock) -> None:
    told: list[tuple[float, str]] = []
    with Answering(one_after_the_other(Reply(503), Reply())) as server:
        mine = Http(
            allowed=HERE,
            trust=NOBODY,
            limits=Limits(apart=0.25),
            waiting=lambda seconds, because: told.append((seconds, because)),
            pause=stopped.pause,
            monotonic=stopped,
        )
        mine.send("GET", server.url)
        mine.send("GET", server.url)
        mine.close()
    assert [because for _, because in told] == ["it answered 503", "requests are kept apart"]
    assert [seconds for seconds, _ in told] == stopped.pauses
    assert told[1][0] == 0.25


def test_who_waits_can_be_stopped() -> None:
    with Answering(one_after_the_other(Reply(429, headers={"Retry-After": "500"}))) as server:
        mine = Http(allowed=HERE, trust=NOBODY, waiting=lambda seconds, because: mine.stop())
        with pytest.raises(http.Stopped):
            mine.send("GET", server.url)
        with pytest.raises(http.Stopped):
            mine.send("GET", server.url)
        assert len(server.asked) == 1
        mine.close()


def test_requests_go_side_by_side_until_the_first_429(stopped: Clock) -> None:
    two = threading.Barrier(2)
    lock = threading.Lock()
    inside, most = [0], [0]

    def answers(asked: Asked) -> Reply:
        if asked.path == "/pair":
            two.wait(10)  # answers only when another request is here, too
        if asked.path == "/busy":
            return Reply(429)
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        threading.Event().wait(0.02)  # so that another one would be met
        with lock:
            inside[0] -= 1
        return Reply()

    with Answering(answers) as server:
        mine = Http(
            allowed=HERE, trust=NOBODY, limits=Limits(apart=0.0, at_once=2, tries=1), pause=stopped.pause, monotonic=stopped
        )

        def ask(path: str, times: int) -> None:
            threads = [threading.Thread(target=mine.send, args=("GET", server.url + path)) for _ in range(times)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)

        ask("/pair", 2)
        mine.send("GET", f"{server.url}/busy")
        most[0] = 0
        ask("/alone", 6)
        mine.close()
    assert most == [1]
    assert len([pause for pause in stopped.pauses if pause >= 0.25]) >= 5, "they are further apart, too, though nobody said so"


def test_a_question_may_have_its_own_idea_of_not_now(asking: Callable[..., Http], stopped: Clock) -> None:
    def asks(answer: Answer) -> float | None:
        return 9.0 if b"wait" in answer.body else None

    with Answering(one_after_the_other(Reply(400, body=b"wait"), Reply(500))) as server:
        assert asking().send("GET", server.url, busy=asks).status == 500
    assert 9 <= stopped.pauses[0] <= 10


def test_neither_query_nor_body_nor_headers_are_logged(asking: Callable[..., Http], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    private = {"Authorization": "Basic hunter2"}
    reply = Reply(headers={"Set-Cookie": "hunter2"}, body=b"hunter2")
    with Answering(one_after_the_other(None, Reply(503), reply)) as server:
        answer = asking().send("POST", f"{server.url}/ws/query?name=hunter2", headers=private, content=b"hunter2")
    assert answer.body == b"hunter2"
    assert "/ws/query: 200" in caplog.text and "/ws/query: CutOff" in caplog.text
    assert "hunter2" not in caplog.text + repr(answer) + "".join(repr(vars(each)) for each in caplog.records)
