"""The wire: loopback only, HTTP or TLS, strange requests, a log of them all, and long answers in pieces."""

import json
import socket
import ssl
from urllib.parse import urlsplit

import httpx2
import pytest

from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool import small
from tests.sandbox.powerschool.conftest import Client


def test_it_listens_on_this_machine_only(simulated: PowerSchool) -> None:
    assert urlsplit(simulated.url).hostname == "127.0.0.1"


def test_every_request_is_remembered_as_it_came(client: Client, simulated: PowerSchool) -> None:
    client.query(body={"schoolid": "100"}, pagesize=0)
    client.get("/ws/nothing")
    token, asked, lost = list(simulated.log)[-3:]
    assert (token.path, token.plugin) == ("/oauth/access_token", 0)
    assert (asked.method, asked.query, json.loads(asked.body), asked.status) == ("POST", "pagesize=0", {"schoolid": "100"}, 200)
    assert (lost.status, lost.plugin) == (404, simulated.plugin.number)


def test_a_get_with_a_body_and_a_post_without_are_taken(client: Client) -> None:
    assert client.ask("GET", "/ws/v1/district", content=b'{"a":1}').status_code == 200
    assert client.ask("POST", f"/ws/schema/query/{small.NAME}").status_code == 200
    assert (
        client.ask("POST", f"/ws/schema/query/{small.NAME}", content=b"{}", headers={"Content-Type": "text/x"}).status_code == 200
    )


def test_a_doubled_slash_is_another_path(client: Client) -> None:
    assert client.get("//ws/v1/district").status_code == 404


def test_a_long_answer_comes_in_pieces(client: Client) -> None:
    assert client.query(pagesize=0).headers.get("Transfer-Encoding") == "chunked"


def test_with_tls_only_who_trusts_the_certificate_comes_in() -> None:
    with PowerSchool(small.TABLES, tls=True).ready() as simulated:
        assert simulated.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=str(simulated.certificate))
        with httpx2.Client(verify=trusting, trust_env=False) as http:
            assert http.get(f"{simulated.url}/ws/v1/metadata").status_code == 200
        with httpx2.Client(trust_env=False) as http, pytest.raises(httpx2.ConnectError):
            http.get(f"{simulated.url}/ws/v1/metadata")


def test_after_stopping_nobody_answers() -> None:
    simulated = PowerSchool(small.TABLES).ready().start()
    address = urlsplit(simulated.url)
    simulated.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=1)


def test_without_a_plugin_of_its_own_a_client_may_read_tables_and_v1() -> None:
    with PowerSchool(small.TABLES).ready() as simulated:
        client = Client(simulated)
        assert client.get("/ws/schema/table/students", params={"projection": "*"}).status_code == 200
        assert client.get("/ws/v1/district/school").status_code == 200
        client.http.close()


def test_the_secret_columns_are_nobodys() -> None:
    with PowerSchool(small.TABLES).ready() as simulated:
        client = Client(simulated)
        assert client.get("/ws/schema/table/students", params={"projection": "web_password"}).status_code == 403
        client.http.close()
