"""A small PowerSchool that listens, and a client that is not ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small


@dataclass
class Client:
    """Somebody who asks a PowerSchool: signs in once, and takes what comes."""

    simulated: PowerSchool
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(verify=False, trust_env=False, timeout=10))
    token: str = ""

    def sign_in(self, path: str = "/oauth/access_token", **form: str) -> httpx2.Response:
        given = form or {"grant_type": "client_credentials"}
        keys = (self.simulated.client_id, self.simulated.client_secret)
        answer = self.http.post(self.simulated.url + path, data=given, auth=keys)
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        if not self.token:
            self.sign_in()
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"} | more.pop("headers", {})
        return self.http.request(method, self.simulated.url + path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.ask("GET", path, **more)

    def query(self, name: str = "students", body: Any = None, **parameters: Any) -> httpx2.Response:
        path = f"/ws/schema/query/org.example.roster.core.{name}"
        return self.ask("POST", path, json={} if body is None else body, params=parameters)

    def ids(self, **parameters: Any) -> list[str]:
        return [row["dcid"] for row in self.query(**parameters).json().get("record", [])]


@pytest.fixture
def simulated() -> Iterator[PowerSchool]:
    made = PowerSchool(small.TABLES)
    made.clock.forward(seconds=(small.TODAY - made.clock.now()).total_seconds())
    with made.ready(small.package()):
        yield made


@pytest.fixture
def client(simulated: PowerSchool) -> Iterator[Client]:
    made = Client(simulated)
    yield made
    made.http.close()
