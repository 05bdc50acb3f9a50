"""A provider on this machine that signs whatever a test tells it to: what real ones would never say, or only to attackers."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from functools import cache
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from rollbook.lib import clock
from tests.lib.answering import Answering, Asked, Reply


@cache
def key(name: str = "usual") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


def signed(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "usual"}, claims, key())


class Issuer:
    """Shape: `claims` go into the next token above the usual ones (None takes one out); `sign` makes a token of them."""

    def __init__(self, **claims: Any) -> None:
        self.claims = claims
        self.userinfo: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = signed
        self.keys: dict[str, Any] = dict(KeySet([key()]).as_dict())
        self.more: dict[str, Any] = {}  # in what it says of itself
        self.lasts = 300
        self.asked: dict[str, dict[str, str]] = {}  # code -> what the browser asked
        self.forms: list[dict[str, str]] = []  # what was sent for a token
        self._server = Answering(self._answer)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *of: object) -> None:
        self._server.__exit__(*of)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self._server.asked]

    def agrees(self, location: str) -> dict[str, str]:
        """Sign somebody in who was led here, and return what the browser brings back."""
        address, _, query = location.partition("?")
        assert address == f"{self.url}/authorize"
        asked = dict(parse_qsl(query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        self.asked[code] = asked
        return {"code": code, "state": asked["state"]}

    def _answer(self, asked: Asked) -> Reply:
        answers = {
            "/.well-known/openid-configuration": self._itself,
            "/keys": lambda asked: Reply(body=json.dumps(self.keys).encode()),
            "/token": self._token,
            "/userinfo": lambda asked: Reply(body=json.dumps({"sub": self.claims.get("sub", "s-1")} | self.userinfo).encode()),
        }
        found = answers.get(urlsplit(asked.path).path)
        return found(asked) if found else Reply(404)

    def _itself(self, asked: Asked) -> Reply:
        said = {"issuer": self.url} | {
            f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token", "userinfo")
        }
        said |= {"authorization_endpoint": f"{self.url}/authorize", "jwks_uri": f"{self.url}/keys"} | self.more
        return Reply(body=json.dumps(said).encode())

    def _token(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        self.forms.append(form)
        begun = self.asked.pop(form.get("code", ""), None)  # once
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        )
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != form["redirect_uri"]:
            return Reply(400, b'{"error": "invalid_grant"}')
        now = int(clock.now().timestamp())
        usual = {"iss": self.url, "aud": begun["client_id"], "sub": "s-1", "nonce": begun["nonce"], "iat": now}
        claims = usual | {"exp": now + self.lasts} | self.claims
        token = self.sign({name: value for name, value in claims.items() if value is not None})
        return Reply(body=json.dumps({"id_token": token, "access_token": "a-1", "token_type": "Bearer"}).encode())
