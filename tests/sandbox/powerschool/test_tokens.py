"""Tokens, as section by section a stranger's client meets them: asked for, kept, run out, and taken away."""

from base64 import b64encode

import pytest

from rollbook.sandbox.powerschool import guesses
from rollbook.sandbox.powerschool.server import PowerSchool
from tests.sandbox.powerschool.conftest import Client


@pytest.mark.parametrize("path", ["/oauth/access_token", "/oauth/access_token/"])
def test_both_addresses_give_a_token_whose_life_is_text(client: Client, path: str) -> None:
    answer = client.sign_in(path).json()
    assert answer["token_type"] == "Bearer" and answer["expires_in"] == "2591999"


def test_asking_again_gives_the_same_token_with_less_time(client: Client, simulated: PowerSchool) -> None:
    first = client.sign_in().json()
    simulated.clock.forward(days=1)
    second = client.sign_in().json()
    assert first["access_token"] == second["access_token"]
    assert int(first["expires_in"]) - int(second["expires_in"]) in (86400, 86401)


def test_after_its_life_there_is_another_token_and_the_old_one_says_that_it_ran_out(
    client: Client, simulated: PowerSchool
) -> None:
    old = client.sign_in().json()["access_token"]
    simulated.clock.forward(days=31)
    dead = client.get("/ws/v1/district")
    assert dead.status_code == 401 and dead.content == b""
    assert dead.headers["WWW-Authenticate"] == (
        'Bearer error="invalid_token",realm="PowerSchool",error_description="The access token has expired"'
    )
    assert client.sign_in().json()["access_token"] != old


@pytest.mark.parametrize("token", ["nonsense", "6a0c3c8e-1111-4222-8333-0123456789ab"])
def test_a_token_that_was_never_given_out_is_refused_in_other_words(client: Client, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.get("/ws/schema/table/students", headers=headers)
    assert answer.status_code == 401 and answer.content == b""
    assert guesses.UNKNOWN_TOKEN in answer.headers["WWW-Authenticate"]


def test_new_credentials_end_the_old_ones_and_their_token(client: Client, simulated: PowerSchool) -> None:
    client.sign_in()
    old = (simulated.client_id, simulated.client_secret)
    simulated.plugin.renew()
    assert client.get("/ws/v1/district").status_code == 401
    refused = client.http.post(simulated.url + "/oauth/access_token", data={"grant_type": "client_credentials"}, auth=old)
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic !!!", f"Basic {b64encode(b'who:what').decode()}"])
def test_who_does_not_say_the_right_secret_gets_nothing(client: Client, simulated: PowerSchool, header: str) -> None:
    address = f"{simulated.url}/oauth/access_token"
    answer = client.http.post(address, data={"grant_type": "client_credentials"}, headers={"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("form", "error"), [({"a": "b"}, "invalid_request"), ({"grant_type": "password"}, "unsupported_grant_type")]
)
def test_another_grant_type_is_refused(client: Client, form: dict[str, str], error: str) -> None:
    answer = client.sign_in(**form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_followed_redirect_that_became_a_get_is_refused(client: Client, simulated: PowerSchool) -> None:
    assert client.http.get(f"{simulated.url}/oauth/access_token").status_code == 405


def test_too_many_tokens_a_minute_are_refused(client: Client, simulated: PowerSchool) -> None:
    simulated.faults.on("token-throttle")
    assert [client.sign_in().status_code for _ in range(11)] == [200] * 10 + [429]
    simulated.clock.forward(minutes=2)
    assert client.sign_in().status_code == 200


def test_a_disabled_plugin_keeps_its_credentials_and_may_come_back(client: Client, simulated: PowerSchool) -> None:
    client.sign_in()
    simulated.plugins.disable(simulated.plugin.number)
    assert (client.get("/ws/v1/district").status_code, client.sign_in().status_code) == (401, 401)
    simulated.plugins.enable(simulated.plugin.number)
    assert (client.get("/ws/v1/district").status_code, client.sign_in().status_code) == (200, 200)
