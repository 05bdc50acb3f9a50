"""What goes back over the wire, and the shapes that each layer of a PowerSchool gives its refusals."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

JSON, HTML, XML = "application/json;charset=UTF-8", "text/html;charset=UTF-8", "application/xml;charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """One request as it came. `headers` have lower-case names."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        """The query string; of a name that stands twice, the last."""
        return {name: values[-1] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    @property
    def form(self) -> dict[str, str]:
        """The body of a form."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}

    @property
    def wants_json(self) -> bool:
        """Whether the client takes JSON."""
        return "json" in self.headers.get("accept", "")


@dataclass(frozen=True)
class Answer:
    """One answer. A body in pieces is sent as it is made."""

    status: int
    body: bytes | Iterator[bytes] = b""
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    #: Whether the connection breaks in the middle of the body.
    cut: bool = False

    def with_header(self, name: str, value: str) -> "Answer":
        """Return the same answer with one header more."""
        return replace(self, headers=(*self.headers, (name, value)))


class Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def dumps(value: Any) -> bytes:
    """Write JSON as short as it goes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def as_json(value: Any, status: int = 200) -> Answer:
    """Answer with JSON."""
    return Answer(status, dumps(value))


def schema_error(status: int, message: str, errors: Iterable[dict[str, str]] = ()) -> Refused:
    """Refuse as tables and queries do: a message and, where fields are to blame, each of them."""
    listed = list(errors)
    return Refused(as_json({"message": message, **({"errors": listed} if listed else {})}, status))


def framework_error(status: int, message: str, *, wants_json: bool) -> Refused:
    """Refuse as v1 and the framework under it do; in XML unless JSON was asked for."""
    if wants_json:
        return Refused(as_json({"errorMessage": {"message": message}}, status))
    text = message.replace("&", "&amp;").replace("<", "&lt;")
    return Refused(Answer(status, f"<errorMessage><message>{text}</message></errorMessage>".encode(), XML))


def redirect(to: str, status: int = 302) -> Answer:
    """Send the client somewhere else."""
    return Answer(status, b"", HTML, (("Location", to),))


def joined(pieces: Iterable[bytes]) -> bytes:
    """Join what is small enough to be sent at once."""
    return b"".join(pieces)
