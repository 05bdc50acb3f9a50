"""The fear that a token lets in whoever made it: each way to forge one is tried against the real check."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from rollbook.lib.http import Http, Limits
from rollbook.lib.openid import AGAIN, Client, OpenID, Refused, Unusable, address, begin, read_issuer
from tests.issuer import Issuer, key, signed
from tests.lib.answering import NOBODY

ALLOWED = ("127.0.0.0/8",)
CLIENT = Client("rollbook", "s e/cret", "http://127.0.0.1:8000/sign-in/back/")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made:
        yield made


@pytest.fixture
def openid() -> Iterator[OpenID]:
    http = Http(allowed=ALLOWED, limits=Limits(tries=1, apart=0.0, read=5.0), trust=NOBODY)
    yield OpenID(http, ALLOWED)
    http.close()


def sign_in(openid: OpenID, issuer: Issuer, client: Client = CLIENT) -> dict[str, Any]:
    provider, flow = openid.discover(issuer.url), begin()
    back = issuer.agrees(address(provider, client, flow))
    assert back["state"] == flow.state
    return openid.redeem(provider, client, flow, back["code"])


def test_somebody_who_signs_in_there_is_known_here(openid: OpenID, issuer: Issuer) -> None:
    issuer.claims = {"email": "ada@maple.example", "email_verified": True}
    claims = sign_in(openid, issuer)
    assert (claims["sub"], claims["email"], claims["email_verified"]) == ("s-1", "ada@maple.example", True)


NOW = int(time.time())
FORGED: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.example"},
    "of an issuer with a longer name": {"iss": "http://127.0.0.1.evil.example"},
    "of none": {"iss": None},
    "for another application": {"aud": "somebody-else"},
    "for nobody": {"aud": None},
    "for two, made for the other": {"aud": ["rollbook", "somebody-else"], "azp": "somebody-else"},
    "for two, made for nobody": {"aud": ["rollbook", "somebody-else"]},
    "for us, made for another": {"azp": "somebody-else"},
    "of another sign-in": {"nonce": "not-the-one"},
    "of no sign-in": {"nonce": None},
    "with a nonce that is no text": {"nonce": True},
    "expired": {"exp": NOW - 120},
    "without an end": {"exp": None},
    "with an end that is a text": {"exp": str(NOW + 600)},
    "with an end that is true": {"exp": True},
    "of tomorrow": {"iat": NOW + 86_400},
    "without a beginning": {"iat": None},
    "valid from tomorrow": {"nbf": NOW + 86_400},
    "about nobody": {"sub": None},
    "about an empty name": {"sub": ""},
    "about a number": {"sub": 7},
    "about a name with signs that no database takes": {"sub": "a\x00b"},
    "about a name without end": {"sub": "x" * 300},
}


@pytest.mark.parametrize("claims", FORGED.values(), ids=FORGED.keys())
def test_a_token_that_says_something_else_is_refused(openid: OpenID, issuer: Issuer, claims: dict[str, Any]) -> None:
    issuer.claims = claims
    with pytest.raises(Refused):
        sign_in(openid, issuer)


def unsigned(claims: dict[str, Any]) -> str:
    return ".".join([_packed({"alg": "none"}), _packed(claims), ""])


def with_the_public_key_as_a_secret(claims: dict[str, Any]) -> str:
    body = f"{_packed({'alg': 'HS256', 'kid': 'usual'})}.{_packed(claims)}"
    code = hmac.digest(key().as_pem(private=False), body.encode(), "sha256")
    return f"{body}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"


def by_the_clients_secret(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(b"s e/cret, and long enough to be one"), ["HS256"])


def by_a_stranger(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "usual"}, claims, key("a stranger's"))


def by_a_key_that_it_brings(claims: dict[str, Any]) -> str:
    own = key("a stranger's")
    return jwt.encode({"alg": "RS256", "kid": "a stranger's", "jwk": own.as_dict(private=False)}, claims, own)


def changed_afterwards(claims: dict[str, Any]) -> str:
    head, _, end = signed(claims).split(".")
    return ".".join([head, _packed(claims | {"sub": "the principal"}), end])


def critical(claims: dict[str, Any]) -> str:
    head = {"alg": "RS256", "kid": "usual", "crit": ["http://maple.example/unknown"], "http://maple.example/unknown": True}
    body = f"{_packed(head)}.{_packed(claims)}"
    return f"{body}.{signed(claims).rpartition('.')[2]}"


def nonsense(claims: dict[str, Any]) -> str:
    return "a.b.c"


def deep(claims: dict[str, Any]) -> str:
    return f"{_packed({'alg': 'RS256', 'kid': 'usual'})}.{base64.urlsafe_b64encode(b'[' * 60_000).decode()}.AA"


def endless(claims: dict[str, Any]) -> str:
    return signed(claims | {"groups": "x" * 400_000})


@pytest.mark.parametrize(
    "sign",
    [
        unsigned,
        with_the_public_key_as_a_secret,
        by_the_clients_secret,
        by_a_stranger,
        by_a_key_that_it_brings,
        changed_afterwards,
        critical,
        nonsense,
        deep,
        endless,
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_the_provider_did_not_sign_is_refused(
    openid: OpenID, issuer: Issuer, sign: Callable[[dict[str, Any]], str]
) -> None:
    issuer.sign = sign
    with pytest.raises(Refused):
        sign_in(openid, issuer)


def test_a_secret_among_the_published_keys_signs_nothing(openid: OpenID, issuer: Issuer) -> None:
    shared = OctKey.generate_key(256, {"kid": "shared"})
    issuer.keys = {"keys": [*issuer.keys["keys"], shared.as_dict(private=True)]}
    issuer.sign = lambda claims: jwt.encode({"alg": "HS256", "kid": "shared"}, claims, shared, ["HS256"])
    with pytest.raises(Refused):
        sign_in(openid, issuer)


def test_a_key_of_a_kind_that_nobody_knows_does_no_harm(openid: OpenID, issuer: Issuer) -> None:
    issuer.keys = {"keys": [{"kty": "AKP", "kid": "later"}, "nonsense", *issuer.keys["keys"]]}
    assert sign_in(openid, issuer)["sub"] == "s-1"


def test_another_kind_of_signature_is_taken(openid: OpenID, issuer: Issuer) -> None:
    own = ECKey.generate_key("P-256", {"kid": "curve"})
    issuer.keys = dict(KeySet([own]).as_dict())
    issuer.sign = lambda claims: jwt.encode({"alg": "ES256", "kid": "curve"}, claims, own)
    assert sign_in(openid, issuer)["sub"] == "s-1"


def test_new_keys_are_looked_up_but_not_for_everybody_who_asks(
    openid: OpenID, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(openid, issuer)
    new = key("new")
    issuer.keys = {"keys": [*issuer.keys["keys"], new.as_dict(private=False)]}
    issuer.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "new"}, claims, new)
    with pytest.raises(Refused):
        sign_in(openid, issuer)
    later = time.monotonic() + AGAIN + 1
    monkeypatch.setattr("rollbook.lib.openid.time.monotonic", lambda: later)
    assert sign_in(openid, issuer)["sub"] == "s-1"
    assert issuer.paths.count("/keys") == 2
    assert issuer.paths.count("/.well-known/openid-configuration") == 1


def test_a_code_that_was_stolen_is_of_no_use_in_another_browser(openid: OpenID, issuer: Issuer) -> None:
    provider = openid.discover(issuer.url)
    code = issuer.agrees(address(provider, CLIENT, begin()))["code"]
    with pytest.raises(Unusable, match="invalid_grant"):
        openid.redeem(provider, CLIENT, begin(), code)


def test_the_secret_goes_where_the_provider_wants_it_and_nowhere_else(openid: OpenID, issuer: Issuer) -> None:
    sign_in(openid, issuer)
    assert "client_secret" not in issuer.forms[0]
    header = next(each for each in issuer._server.asked if each.path == "/token").headers["authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")) == b"rollbook:s%20e%2Fcret"
    assert "s e/cret" not in repr(CLIENT)


def test_a_provider_that_wants_the_secret_in_the_body_gets_it_there(openid: OpenID, issuer: Issuer) -> None:
    issuer.more = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    sign_in(openid, issuer)
    assert issuer.forms[0]["client_secret"] == "s e/cret"


def test_an_address_that_is_not_in_the_token_is_asked_for(openid: OpenID, issuer: Issuer) -> None:
    issuer.userinfo = {"sub": "s-1", "email": "ada@maple.example", "email_verified": True, "hd": "maple.example"}
    claims = sign_in(openid, issuer)
    assert claims["email"] == "ada@maple.example"
    assert "hd" not in claims  # only the signed token says that


def test_an_address_of_somebody_else_is_not_taken(openid: OpenID, issuer: Issuer) -> None:
    issuer.userinfo = {"sub": "s-2", "email": "principal@maple.example", "email_verified": True}
    with pytest.raises(Refused, match="two people"):
        sign_in(openid, issuer)


BROKEN: dict[str, dict[str, Any]] = {
    "calls itself by another name": {"issuer": "https://accounts.google.com"},
    "has no name": {"issuer": None},
    "sends people to a script": {"authorization_endpoint": "javascript:alert(1)"},
    "sends people into the open": {"authorization_endpoint": "http://open.example/authorize"},
    "wants codes in the open": {"token_endpoint": "http://open.example/token"},
    "keeps its keys nowhere": {"jwks_uri": None},
    "keeps its keys in a file": {"jwks_uri": "file:///etc/passwd"},
}


@pytest.mark.parametrize("more", BROKEN.values(), ids=BROKEN.keys())
def test_a_provider_that_is_none_is_not_used(openid: OpenID, issuer: Issuer, more: dict[str, Any]) -> None:
    issuer.more = more
    with pytest.raises(Unusable):
        openid.discover(issuer.url)


def test_our_own_network_is_not_asked_for_a_stranger(issuer: Issuer) -> None:
    http = Http(limits=Limits(tries=1), trust=NOBODY)
    with pytest.raises(Unusable, match="network that this machine stands in"):
        OpenID(http).discover(issuer.url)
    http.close()


def test_keys_in_our_own_network_are_not_fetched_for_a_stranger(openid: OpenID, issuer: Issuer) -> None:
    issuer.more = {"jwks_uri": "https://169.254.169.254/latest/meta-data"}
    provider = openid.discover(issuer.url)
    with pytest.raises(Unusable, match="network that this machine stands in"):
        openid.keys(provider)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("https://login.maple.example", "https://login.maple.example"),
        (" https://Login.Maple.example/realms/School/ ", "https://login.maple.example/realms/School"),
        ("login.maple.example/.well-known/openid-configuration", "https://login.maple.example"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    ],
)
def test_an_address_is_read_the_way_people_copy_it(typed: str, read: str) -> None:
    assert read_issuer(typed, ALLOWED) == read


@pytest.mark.parametrize(
    "typed",
    [
        "http://login.maple.example",
        "https://user:pass@login.maple.example",
        "https://login.maple.example/?x=1",
        "https://login.maple.example/#a",
        "ftp://login.maple.example",
        "https://",
        "https://login.maple.example:99999",
        "https://maple.example\\@evil.example",
    ],
)
def test_an_address_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ "):
        read_issuer(typed, ALLOWED)


def _packed(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()
