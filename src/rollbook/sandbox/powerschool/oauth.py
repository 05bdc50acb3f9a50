"""Gives out tokens, and knows good ones from dead ones."""

import base64
import binascii
import secrets
import uuid
from datetime import timedelta

from rollbook.sandbox.powerschool import guesses
from rollbook.sandbox.powerschool.answers import Answer, Refused, Request, as_json
from rollbook.sandbox.powerschool.installed import Installed, Plugins
from rollbook.sandbox.powerschool.moving_clock import MovingClock

TOKEN_PATHS = ("/oauth/access_token", "/oauth/access_token/")
TOKEN_LIFE = timedelta(days=30)

_EXPIRED = "The access token has expired"


def give_token(request: Request, plugins: Plugins, clock: MovingClock, faults: frozenset[str]) -> Answer:
    """Answer the token endpoint: the token that the plugin has, with the seconds that are left to it, or a new one."""
    if request.method != "POST":
        raise Refused(Answer(405, headers=(("Allow", "POST"),)))
    plugin = _by_basic(request.headers.get("authorization", ""), plugins)
    if plugin is None or not plugin.enabled or "plugin-disabled" in faults:
        status, body = guesses.WRONG_CREDENTIALS
        raise Refused(as_json(body, status))
    grant = request.form.get("grant_type", "")
    if grant != "client_credentials":
        status, body = guesses.OTHER_GRANT_TYPE if grant else guesses.NO_GRANT_TYPE
        raise Refused(as_json(body, status))
    now = clock.now()
    plugin.tokens_asked = [asked for asked in plugin.tokens_asked if now - asked < timedelta(minutes=1)] + [now]
    if "token-throttle" in faults and len(plugin.tokens_asked) > guesses.TOKENS_A_MINUTE:
        raise too_many(60)
    if plugin.token_ends is None or plugin.token_ends <= now:
        plugin.end_token()
        plugin.token, plugin.token_ends = str(uuid.uuid4()), now + TOKEN_LIFE
    left = (plugin.token_ends - now).total_seconds()
    return as_json({"access_token": plugin.token, "token_type": "Bearer", "expires_in": str(max(0, int(left - 1)))})


def _by_basic(header: str, plugins: Plugins) -> Installed | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    for plugin in plugins:
        if plugin.client_id and plugin.client_id == client and secrets.compare_digest(plugin.client_secret, secret):
            return plugin
    return None


def bearer(request: Request, plugins: Plugins, clock: MovingClock) -> Installed | None:
    """Return the enabled plugin whose living token came with a request; None if there is none."""
    token = _token(request)
    for plugin in plugins:
        if token and plugin.token == token and plugin.enabled and plugin.token_ends and plugin.token_ends > clock.now():
            return plugin
    return None


def dead_token(request: Request, plugins: Plugins) -> Refused:
    """Refuse with the header that says why a token is dead: it ran out, or is not known. There is no body."""
    token = _token(request)
    known = any(token and (plugin.token == token or token in plugin.ended_tokens) for plugin in plugins)
    return unauthorized(_EXPIRED if known else guesses.UNKNOWN_TOKEN)


def unauthorized(because: str = _EXPIRED) -> Refused:
    """Refuse a token."""
    challenge = f'Bearer error="invalid_token",realm="PowerSchool",error_description="{because}"'
    return Refused(Answer(401, headers=(("WWW-Authenticate", challenge),)))


def too_many(seconds: int, *, silent: bool = False) -> Refused:
    """Refuse a request that came too early."""
    answer = as_json({"message": guesses.TOO_MANY.format(seconds)}, 429)
    return Refused(answer if silent else answer.with_header("Retry-After", str(seconds)))


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
