"""One pull of a whole PowerSchool, and the simulated one that answers it, each as a process of its own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from bench import cost
from bench.cost import Cost


@dataclass(frozen=True)
class Pull:
    """What one pull took. Units: seconds on the clock; `worked` is how long the server had at least one question in hand."""

    said: str
    wall: float
    worked: float
    cpu: float
    peak: int
    questions: int
    rows: int


#: What is said of a pull -> how many questions at a time, seconds between them, and how long each answer takes besides.
MANNERS = {
    "one question at a time": (1, 0.0, 0.0),
    "**two at a time**": (2, 0.0, 0.0),
    "one at a time, each answer 0.2 s late, as over a line": (1, 0.0, 0.2),
    "**two at a time**, each answer 0.2 s late": (2, 0.0, 0.2),
    "two at a time, 0.25 s apart: as a night asks": (2, 0.25, 0.0),
}


def measured(students: int) -> Iterator[Pull]:
    """Start a simulated PowerSchool of so many students and pull it in every manner."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.pull", "serve", str(students)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        orders, answers = server.stdin, server.stdout
        assert orders
        assert answers

        def asked(late: float) -> Any:
            print(late, file=orders, flush=True)
            return json.loads(answers.readline())

        at = json.loads(answers.readline())

        def taken(at_once: int, apart: float) -> Cost:
            return cost.of(["bench.pull", "pull", at["url"], at["key"], at["secret"], str(at_once), str(apart)], {})

        taken(1, 0.0)  # the simulator finds its rows once, and remembers them
        for said, (at_once, apart, late) in MANNERS.items():
            before = asked(late)
            found = taken(at_once, apart)
            after = asked(late)
            yield Pull(
                said,
                worked=after["worked"] - before["worked"],
                questions=after["questions"] - before["questions"],
                peak=found.peak,
                **found.said,
            )


def pull(url: str, key: str, secret: str, at_once: int, apart: float) -> None:
    """Pull everything, as far as a run's snapshot."""
    from rollbook.connectors.powerschool.connector import PowerSchool, PowerSchoolConfig
    from rollbook.lib.http import Http, Limits

    began, burnt = time.perf_counter(), time.process_time()
    http = Http(allowed=["127.0.0.1"], limits=Limits(at_once=at_once, apart=apart))
    connector = PowerSchool(PowerSchoolConfig(url, key, secret, "mix"), http=http)
    rows = sum(connector.extract(entity).frame.collect().height for entity in sorted(connector.offers()))
    wall, cpu = time.perf_counter() - began, time.process_time() - burnt
    connector.close()
    print(json.dumps({"wall": wall, "cpu": cpu, "rows": rows}))


def serve(students: int) -> None:
    """Answer until standard input ends; each number there says how late answers are from now on, and is answered with figures."""
    from rollbook.connectors.powerschool.plugin import package
    from rollbook.sandbox.powerschool.answers import Answer, Request, joined
    from rollbook.sandbox.powerschool.server import PowerSchool

    class Timed(PowerSchool):
        door, inside, since, worked, questions = threading.Lock(), 0, 0.0, 0.0, 0

        def respond(self, request: Request) -> Answer:
            with self.working():
                answer = super().respond(request)
                return answer if isinstance(answer.body, bytes) else replace(answer, body=joined(answer.body))

        @contextmanager
        def working(self) -> Iterator[None]:
            with self.door:
                self.since = self.since if self.inside else time.perf_counter()
                self.inside, self.questions = self.inside + 1, self.questions + 1
            yield
            with self.door:
                self.inside -= 1
                self.worked += 0.0 if self.inside else time.perf_counter() - self.since

    with Timed.of(students).ready(package(guardians=True)) as simulator:
        print(json.dumps({"url": simulator.url, "key": simulator.client_id, "secret": simulator.client_secret}), flush=True)
        for line in sys.stdin:
            simulator.slow_seconds = float(line)
            if simulator.slow_seconds:
                simulator.faults.on("slow")
            else:
                simulator.faults.off("slow")
            print(json.dumps({"worked": simulator.worked, "questions": simulator.questions}), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", students]:
            serve(int(students))
        case ["pull", url, key, secret, at_once, apart]:
            pull(url, key, secret, int(at_once), float(apart))
