"""Lets somebody else say who a person is: OpenID Connect by code, with state, nonce and PKCE, and nothing taken on trust.

The provider's address was typed by somebody, so all questions go through the guarded client. A token counts only if a key that
the provider publishes has signed it, for us, for this one sign-in, and not long ago.
"""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from joserfc import errors, jwt
from joserfc.jwk import KeySet

from rollbook.lib import clock
from rollbook.lib.http import Answer, Failed, Http, is_listed

#: Signatures that the holder of a public key cannot make: a secret that both sides know is none of them, nor is none at all.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
WELL_KNOWN = "/.well-known/openid-configuration"
#: Units: seconds. How long what a provider publishes is believed, how often new keys are looked for, how far clocks may be apart.
BELIEVED, AGAIN, APART = 600.0, 30.0, 60.0
#: Bytes of a token; one with hundreds of groups in it is a tenth of that.
LONGEST = 200_000


class Unusable(Exception):
    """The provider cannot be used as it is: it does not answer, or not as OpenID asks. The text is for whoever set it up."""


class Refused(Exception):
    """What came back proves nothing. The text is for whoever set it up; there is nothing of the token in it."""


@dataclass(frozen=True)
class Provider:
    """What a provider says of itself."""

    issuer: str
    authorize: str
    token: str
    keys: str
    userinfo: str
    names_itself: bool  # in each answer to the browser
    secret_in_body: bool  # it does not take it in the header


@dataclass(frozen=True)
class Client:
    """Who we are to a provider."""

    id: str
    secret: str = field(repr=False)
    back: str  # where the provider sends people


@dataclass(frozen=True)
class Flow:
    """One sign-in under way: what only the browser that began it may bring to an end."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def read_issuer(text: str, allowed: Sequence[str] = ()) -> str:
    """Return the address of a provider as it was typed, without what does not belong to it. http:// only where it is allowed.

    Errors: ValueError, in words that continue "The address …".
    """
    scheme, found, rest = text.strip(" \t\r\n\"'<>").partition("://")
    if not found:
        scheme, rest = "https", scheme
    text = f"{scheme}://{rest.removesuffix(WELL_KNOWN).rstrip('/')}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("cannot be read; it looks like https://login.example.org") from None
    if parts.scheme not in ("https", "http") or not re.fullmatch(r"[a-z0-9_.:-]+", host) or port == 0:
        raise ValueError("cannot be read; it looks like https://login.example.org")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("has more than a host and a path; copy it without ?, # and @")
    if re.search(r"[^\x21-\x7e]|[\\<>\"]", parts.path):
        raise ValueError("has signs in its path that no address has")
    if parts.scheme == "http" and not is_listed(host, allowed):
        raise ValueError("begins with http://, which anybody on the way could read and change; it has to begin with https://")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"


def begin() -> Flow:
    """Make the three secrets of a sign-in."""
    return Flow(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))


def address(provider: Provider, client: Client, flow: Flow, **hints: str) -> str:
    """Return where the browser goes to sign in."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
    asks = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": client.back,
        "scope": "openid email profile",
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{provider.authorize}{'&' if '?' in provider.authorize else '?'}{urlencode(hints | asks)}"


class OpenID:
    """Asks providers. What they publish is kept for minutes, and their keys are looked up anew when an unknown one signs.

    Shape: one for a whole process; any number of threads may ask.
    Errors: Unusable and Refused.
    """

    def __init__(self, http: Http, allowed: Sequence[str] = ()) -> None:
        self._http = http
        self._allowed = allowed
        self._kept: dict[tuple[str, str], tuple[float, Any]] = {}
        self._door = Lock()

    def discover(self, issuer: str, *, anew: bool = False) -> Provider:
        """Return what the provider at this address says of itself."""
        if not anew and (known := self._known("itself", issuer)):
            found: Provider = known
            return found
        said = self._object("GET", f"{issuer.rstrip('/')}{WELL_KNOWN}")
        name = said.get("issuer")
        if not isinstance(name, str) or name.rstrip("/") != issuer.rstrip("/"):
            raise Unusable(f"what answers at {issuer} calls itself by another address; enter the one that it calls itself by")
        methods = said.get("token_endpoint_auth_methods_supported")
        provider = Provider(
            name,
            self._address(said, "authorization_endpoint"),
            self._address(said, "token_endpoint"),
            self._address(said, "jwks_uri"),
            self._address(said, "userinfo_endpoint") if said.get("userinfo_endpoint") else "",
            said.get("authorization_response_iss_parameter_supported") is True,
            isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods,
        )
        self._keep("itself", issuer, provider)
        return provider

    def keys(self, provider: Provider, *, anew: bool = False) -> KeySet:
        """Return the keys by which the provider signs."""
        if not anew and (known := self._known("keys", provider.keys)):
            found: KeySet = known
            return found
        said = self._object("GET", provider.keys).get("keys")
        fit = [each for each in said if isinstance(each, dict) and _signs(each)] if isinstance(said, list) else []
        try:
            keys = KeySet.import_key_set({"keys": fit})
        except (errors.JoseError, ValueError, TypeError, KeyError):
            raise Unusable("the provider publishes no key that could sign") from None
        self._keep("keys", provider.keys, keys)
        return keys

    def redeem(self, provider: Provider, client: Client, flow: Flow, code: str) -> dict[str, Any]:
        """Exchange a code for what the provider says of the person, proven. `email` is asked for once more if it did not come."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.back, "code_verifier": flow.verifier}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if client.secret and not provider.secret_in_body:
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client.id} | ({"client_secret": client.secret} if client.secret else {})
        said = self._object("POST", provider.token, headers, urlencode(form).encode())
        token, access = said.get("id_token"), said.get("access_token")
        if not isinstance(token, str) or len(token) > LONGEST:
            raise Refused("the provider sent no ID token")
        claims = self.proven(provider, client, flow, token)
        if "email" not in claims and provider.userinfo and isinstance(access, str) and re.fullmatch(r"[\x21-\x7e]+", access):
            more = self._object("GET", provider.userinfo, {"Authorization": f"Bearer {access}", "Accept": "application/json"})
            if more.get("sub") != claims["sub"]:
                raise Refused("the provider spoke of two people at once")
            claims |= {name: more[name] for name in ("email", "email_verified") if name in more}
        return claims

    def proven(self, provider: Provider, client: Client, flow: Flow, token: str) -> dict[str, Any]:
        """Return the claims of a token that this provider signed for us, for this flow, and not long ago."""
        claims = _signed(token, self.keys(provider))
        if claims is None and self._may_look_again(provider):  # keys change now and then
            claims = _signed(token, self.keys(provider, anew=True))
        if claims is None:
            raise Refused("the token is not signed by a key that the provider publishes")
        check(claims, provider, client, flow, clock.now().timestamp())
        return claims

    def _may_look_again(self, provider: Provider) -> bool:
        """Say whether keys were not looked up just now: else whoever sends nonsense could make us ask without end."""
        with self._door:
            until, _ = self._kept.get(("keys", provider.keys), (0.0, None))
            return time.monotonic() > until - BELIEVED + AGAIN

    def _known(self, what: str, place: str) -> Any:
        with self._door:
            until, found = self._kept.get((what, place), (0.0, None))
            return found if time.monotonic() < until else None

    def _keep(self, what: str, place: str, found: Any) -> None:
        with self._door:
            if len(self._kept) > 1000:  # thousands of districts, each with its own
                self._kept.clear()
            self._kept[what, place] = (time.monotonic() + BELIEVED, found)

    def _address(self, said: Mapping[str, Any], name: str) -> str:
        found = said.get(name)
        try:
            if isinstance(found, str) and re.fullmatch(r"https?://[\x21-\x7e]+", found) and "#" not in found:
                parts = urlsplit(found)
                read_issuer(f"{parts.scheme}://{parts.netloc}", self._allowed)
                return found
        except ValueError:
            pass
        raise Unusable(f"the provider names no address over https:// for its {name}")

    def _object(self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b"") -> dict[str, Any]:
        place = urlsplit(url).hostname
        try:
            answer = self._http.send(method, url, headers=headers or {"Accept": "application/json"}, content=content)
        except Failed as error:
            raise Unusable(f"{place} gives no answer: {error or type(error).__name__}") from None
        try:
            said = json.loads(answer.body)
        except (ValueError, RecursionError):
            said = None
        if answer.status == 200 and isinstance(said, dict):
            return said
        raise Unusable(f"{place} answered {answer.status}{_complaint(answer, said)}")


def check(claims: Mapping[str, Any], provider: Provider, client: Client, flow: Flow, now: float) -> None:
    """Raise Refused unless these claims were made by this provider, for this client and this flow, and still hold."""
    issuers: Collection[str] = {provider.issuer}
    if provider.issuer == "https://accounts.google.com":
        issuers = {provider.issuer, "accounts.google.com"}  # Google writes it in both ways
    audience, party = claims.get("aud"), claims.get("azp", client.id)
    several = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") not in issuers:
        raise Refused("the token was issued by somebody else")
    if client.id not in several or party != client.id or (len(several) > 1 and "azp" not in claims):
        raise Refused("the token was made for another application")
    if claims.get("nonce") != flow.nonce:
        raise Refused("the token belongs to another sign-in")
    ends, made, begins = (claims.get(name) for name in ("exp", "iat", "nbf"))
    if not _is_moment(ends) or ends + APART <= now:
        raise Refused("the token has expired")
    if not _is_moment(made) or made - APART > now or (begins is not None and (not _is_moment(begins) or begins - APART > now)):
        raise Refused("the token is not valid yet; the clock of this machine, or of the provider, is wrong")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not re.fullmatch(r"[\x20-\x7e]{1,255}", subject):
        raise Refused("the token does not say who it is about")


def _signed(token: str, keys: KeySet) -> dict[str, Any] | None:
    """Return the claims of a token, None if none of these keys signed it."""
    try:
        return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
    except (errors.InvalidKeyIdError, errors.BadSignatureError):
        return None
    except (errors.JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Refused(f"the token cannot be read or is signed in a way that proves nothing ({type(error).__name__})") from None


def _is_moment(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _signs(key: Mapping[str, Any]) -> bool:
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def _complaint(answer: Answer, said: Any) -> str:
    """Quote the error of a provider if it is one of the short words of the standard; never the text beside it."""
    word = said.get("error") if isinstance(said, dict) else None
    return f": {word}" if isinstance(word, str) and re.fullmatch(r"[a-z_]{1,40}", word) else ""
