"""Says in a sentence why PowerSchool gave no rows, and what to do about it there or here."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rollbook.connectors.powerschool.queries import Query
from rollbook.domain.errors import SourceBroken, SourceError, SourceRefused, SourceUnavailable
from rollbook.lib import http
from rollbook.lib.http import Answer, Failed

TOKEN = "/oauth/access_token"  # noqa: S105
METADATA = "/ws/v1/metadata"

PLUGINS = "System > System Settings > Plugin Management Configuration"
PROVIDER = "Data Provider Configuration"
AGAIN = "It will be tried again by itself."

#: No sentence grows with what the other side likes to say.
LONGEST = 200
MOST_FIELDS = 40

TOO_MANY = re.compile(r"too many requests", re.IGNORECASE)
WAIT = re.compile(r"(\d{1,6})\s*second", re.IGNORECASE)
TITLE = re.compile(rb"<title[^>]*>(.{0,200}?)</title", re.IGNORECASE | re.DOTALL)


class FieldsRefused(SourceRefused):
    """The plugin may not read some fields: each as query and field."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = tuple(fields)
        by_query: dict[str, list[str]] = {}
        for title, name in self.fields[:MOST_FIELDS]:
            by_query.setdefault(title, []).append(name)
        named = "; ".join(f"for {title}: {', '.join(names)}" for title, names in by_query.items())
        more = f"; and {len(self.fields) - MOST_FIELDS} more" if len(self.fields) > MOST_FIELDS else ""
        super().__init__(
            f"PowerSchool does not let the plugin read these fields (403), {named}{more}.",
            next_step=f"In PowerSchool, under {PLUGINS}, untick Enable/Disable beside the Rollbook plugin, tick it again and "
            "confirm the list of fields. That is needed after each update of the plugin.",
        )


class QueriesUnknown(SourceRefused):
    """PowerSchool knows some of the plugin's queries not, or none of them."""

    def __init__(self, titles: Sequence[str], *, none_known: bool = False) -> None:
        self.titles = tuple(titles)
        if none_known:
            super().__init__(
                "PowerSchool knows none of the plugin's queries (404): the Rollbook plugin is disabled there, or not installed.",
                next_step=f"In PowerSchool, under {PLUGINS}, install the Rollbook plugin if it is missing, "
                "and tick Enable/Disable.",
            )
        else:
            super().__init__(
                f"PowerSchool does not know the queries for {', '.join(titles)} (404): "
                "its Rollbook plugin is an older one, or was disabled a moment ago.",
                next_step=f"Download the plugin again and install it in PowerSchool under {PLUGINS}; then see that "
                "Enable/Disable is ticked.",
            )


class GuardiansMissing(SourceRefused):
    """Guardians have come before, and the plugin that is installed now cannot ask for them."""

    def __init__(self) -> None:
        super().__init__(
            "Guardians came before, but the plugin that is installed in PowerSchool does not have their query (404).",
            next_step=f"Download the plugin with guardians again, install it in PowerSchool under {PLUGINS} and tick "
            "Enable/Disable; or, if guardians are to come no more, choose “Never” for Guardians under Setup.",
        )


@dataclass(frozen=True)
class Place:
    """What we asked, and whom."""

    host: str
    path: str
    query: Query | None = None

    def __str__(self) -> str:
        if self.query:
            return f"when asked for {self.query.title}"
        return "at the token address" if self.path == TOKEN else f"at {self.path}"


def throttled(answer: Answer) -> float | None:
    """Return how many seconds PowerSchool asks us to wait (0: it does not say), or None if it does not ask.

    The words count, too, since the status that comes with them is not written down anywhere.
    """
    if answer.status != 429 and not (400 <= answer.status < 500 and TOO_MANY.search(text_of(answer))):
        return None
    told = WAIT.search(text_of(answer))
    return answer.retry_after or (float(told[1]) if told else 0.0)


def not_now(answer: Answer) -> float | None:
    """Say which answers are worth another try: too fast, in trouble, or JSON that ends in its middle."""
    seconds = throttled(answer)
    if seconds is None and answer.status == 200 and is_json(answer) and not answer.body.rstrip().endswith(b"}"):
        return 0.0
    return http.busy(answer) if seconds is None else seconds


def unanswered(error: Failed, place: Place) -> SourceError:
    """Say why no answer came at all."""
    host = place.host
    match error:
        case http.UnknownHost():
            kind = SourceUnavailable if error.again else SourceError
            return kind(
                f"The name {host} has no address.",
                next_step="Check the address under Setup: it is what the browser shows before the first single slash.",
            )
        case http.Guarded():
            return SourceError(
                f"{host} leads into the network that Rollbook itself stands in; nothing there was asked.",
                next_step="Check the address under Setup. If PowerSchool really stands there, whoever runs Rollbook adds its "
                "name or its network to the setting ROLLBOOK_ALLOWED_NETWORKS.",
            )
        case http.NotTls():
            return SourceError(
                f"{host} answers, but not over TLS (https).",
                next_step="Check the address and the port under Setup; a PowerSchool usually answers on port 443.",
            )
        case http.WrongCertificate():
            return SourceError(
                f"The certificate of {host} is not to be trusted: {shown(str(error))}.",
                next_step="Check the address under Setup. If it is right, the certificate needs to be renewed; if your district "
                "signs its own, whoever runs Rollbook adds that authority to those that the machine trusts.",
            )
        case http.NotReachable():
            return SourceUnavailable(
                f"{host} takes no connection ({shown(str(error))}).",
                next_step=f"{AGAIN} If it stays like that, check the address and the port under Setup, and whether the firewall "
                "in front of PowerSchool lets Rollbook in.",
            )
        case http.TimedOut():
            return SourceUnavailable(f"{host} did not answer in time {place}.")
        case http.TooLarge():
            return SourceBroken(
                f"PowerSchool sent more than we take in one answer {place}.",
                next_step="Check that the address under Setup is that of PowerSchool, then run the import again.",
            )
    return SourceUnavailable(f"The connection to {host} broke off {place}.")


def refused(answer: Answer, place: Place, secrets: Sequence[str] = ()) -> SourceError:
    """Say why this answer is not what was asked for. `secrets` are cut out of what PowerSchool says itself."""
    said = message(answer, secrets)
    because = f"({answer.status} {place}{f': {said}' if said else ''})"
    if (seconds := throttled(answer)) is not None:
        wait = f"to wait {seconds:.0f} {'second' if round(seconds) == 1 else 'seconds'}" if seconds else "to come less often"
        return SourceUnavailable(
            f"PowerSchool asks us {wait} {because}.",
            next_step=f"{AGAIN} If it happens every night, see System > System Settings > Global API/Event & SIF settings for "
            'the "Minimum time interval (ms) between API requests per plugin", and whether another program shares the plugin.',
        )
    if 300 <= answer.status < 400:
        return elsewhere(answer, place, secrets)
    if answer.status >= 500:
        return SourceUnavailable(f"PowerSchool is in trouble {because}.")
    if place.path == TOKEN and answer.status in (400, 401, 403):
        return SourceRefused(
            f"PowerSchool turned down the client ID or the client secret {because}.",
            next_step=f"In PowerSchool, under {PLUGINS}, see that the Rollbook plugin is enabled, open it, copy both again from "
            f"{PROVIDER} and enter them under Setup. They change when the plugin is deleted and installed again.",
        )
    if answer.status == 401 and (place.query or not is_html(answer)):
        return not_honoured(answer, because)
    if is_html(answer) or (place.query is None and (answer.status == 404 or not is_json(answer))):
        return not_powerschool(answer, place)
    if answer.status == 403:
        title = place.query.title if place.query else str(place)
        if fields := refused_fields(answer, secrets):
            return FieldsRefused([(title, name) for name in fields])
        return SourceRefused(
            f"PowerSchool does not allow this plugin to read that {because}.",
            next_step=f"In PowerSchool, under {PLUGINS}, see that the Rollbook plugin is enabled and that its list of fields "
            "is confirmed.",
        )
    if answer.status == 404 and place.query:
        return QueriesUnknown([place.query.title])
    if answer.status == 200 and is_json(answer):
        return SourceUnavailable(f"PowerSchool's answer ends in its middle or is not JSON {because}.")
    return SourceBroken(
        f"PowerSchool did not take the question as we put it {because}."
        if answer.status >= 400
        else f"PowerSchool answered in a form that we do not know {because}.",
        next_step="Download the plugin again and install it, so that it is as new as this Rollbook; then run the import again.",
    )


def not_honoured(answer: Answer, because: str) -> SourceError:
    if "errorMessage" in loosely(answer):
        return SourceRefused(
            f"PowerSchool does not let this plugin use its first interface, /ws/v1 {because}.",
            next_step=f"In PowerSchool, under {PLUGINS}, open the Rollbook plugin, then {PROVIDER}, and set the access level of "
            "the v1 API to read.",
        )
    return SourceRefused(
        f"PowerSchool no longer takes the token that it gave us {because}.",
        next_step=f"In PowerSchool, under {PLUGINS}, see that the Rollbook plugin is enabled. If its credentials were "
        f"regenerated, copy both again from {PROVIDER} and enter them under Setup.",
    )


def elsewhere(answer: Answer, place: Place, secrets: Sequence[str]) -> SourceError:
    target = urlsplit(answer.headers.get("location", ""))
    if target.hostname and target.hostname != urlsplit(f"//{place.host}").hostname:
        return SourceError(
            f"{place.host} sends us on to {shown(target.hostname, secrets)} ({answer.status} {place}); "
            "secrets are not carried there.",
            next_step="If that is the address of PowerSchool, enter it under Setup.",
        )
    return serviced(answer, place)


def not_powerschool(answer: Answer, place: Place) -> SourceError:
    """A page where there should be rows: PowerSchool's own when it is being serviced, or something that is no PowerSchool."""
    title = TITLE.search(answer.body[:20_000])
    if place.query or (title and any(word in title[1].lower() for word in (b"powerschool", b"unavailable", b"maintenance"))):
        return serviced(answer, place)
    return SourceError(
        f"{place.host} answers, but does not look like a PowerSchool ({answer.status} {place}).",
        next_step="Check the address under Setup: it is the one at which staff sign in to PowerSchool, without /admin.",
    )


def serviced(answer: Answer, place: Place) -> SourceError:
    return SourceUnavailable(
        f"PowerSchool shows a page instead of rows, as it does while it is serviced ({answer.status} {place})."
    )


def message(answer: Answer, secrets: Sequence[str]) -> str:
    """Return PowerSchool's own words, wherever in an answer they stand, on one short line; "" if there are none."""
    body = loosely(answer)
    inner = body.get("errorMessage")
    for words in (
        inner.get("message") if isinstance(inner, dict) else None,
        body.get("message"),
        body.get("error_description"),
        body.get("error"),
    ):
        if isinstance(words, str) and words.strip():
            return shown(": ".join([words, *reasons(body)]), secrets)
    header = re.search(r'error_description="([^"]*)"', answer.headers.get("www-authenticate", ""))
    return shown(header[1], secrets) if header else ""


def reasons(body: dict[str, Any]) -> list[str]:
    """Return what the first of several complaints is about."""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return []
    return [" ".join(text for name in ("field", "code") if isinstance(text := first.get(name), str) and text)]


def refused_fields(answer: Answer, secrets: Sequence[str]) -> list[str]:
    errors = loosely(answer).get("errors")
    found = [each.get("field") for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    return sorted({shown(name.lower(), secrets) for name in found if isinstance(name, str) and name.strip()})


def shown(text: str, secrets: Sequence[str] = ()) -> str:
    """Return a stranger's text fit to stand in a sentence: one line, short, nothing invisible, no secret of ours."""
    for secret in secrets:
        text = text.replace(secret, "…") if secret else text
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return (line if len(line) <= LONGEST else f"{line[:LONGEST]}…").rstrip(".")


def is_json(answer: Answer) -> bool:
    return answer.kind == "application/json" or answer.kind.endswith("+json")


def is_html(answer: Answer) -> bool:
    return answer.kind in ("text/html", "application/xhtml+xml")


def text_of(answer: Answer) -> str:
    return answer.body[:2000].decode("utf-8", "replace")


def loosely(answer: Answer) -> dict[str, Any]:
    """Read the JSON of an error, {} if it is none. Its content type is not looked at: errors are written by other hands."""
    try:
        body = json.loads(answer.body) if len(answer.body) <= 2**20 else {}
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
