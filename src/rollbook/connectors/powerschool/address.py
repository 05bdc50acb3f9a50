"""Makes one address out of whatever somebody copied from a browser, or says why that cannot be done."""

import ipaddress
import re
from urllib.parse import urlsplit

import idna

from rollbook.domain.errors import ConfigError

#: What comes along when text is copied: blanks of all kinds, marks that cannot be seen, quotation marks.
AROUND = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff\"'<>“”‘’"
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
PORTS = {"https": 443, "http": 80}


def normalise(text: str, allow_http: bool = False) -> str:
    """Return scheme, host and, unless it is the usual one, port: "https://ps.example.org:8443".

    A path is dropped, since PowerSchool stands at the root of its host. A name in other letters comes out as "xn--…".
    Errors: ConfigError for `address`. It never repeats the whole text, in which there might be a password.
    """
    text = text.strip(AROUND)
    if not text:
        raise refused("is required, for example https://powerschool.example.org")
    if re.search(r"\s", text):
        raise refused("has a blank inside; copy the address alone")
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "https", text.lstrip("/")
    scheme = scheme.lower()
    if scheme not in PORTS:
        said = scheme if re.fullmatch(r"[a-z][a-z0-9+.-]{0,19}", scheme) else "something else"
        raise refused(f"begins with {said}; it has to begin with https://")
    if scheme == "http" and not allow_http:
        raise refused("begins with http://, which anybody on the way could read; PowerSchool is asked over https:// only")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise refused("has a name or password before the host; leave them out, the client ID and secret have fields of their own")
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise refused("cannot be read as a host and a port; write the host, a colon and a number from 1 to 65535")
    return f"{scheme}://{host_of(parts.hostname or '')}{f':{port}' if port and port != PORTS[scheme] else ''}"


def host_of(name: str) -> str:
    """Return a host name as it is written in requests: lower case, plain letters, an IPv6 address in brackets."""
    if ":" in name:
        try:
            return f"[{ipaddress.IPv6Address(name.replace('%', ' '))}]"  # with a % it names a cable of this machine
        except ValueError:
            raise refused("has a host that is no IPv6 address") from None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            raise refused("has a host name with letters that no host name may have") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise refused("has no host name that could exist; it looks like powerschool.example.org")
    if labels[-1].isdigit():
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise refused("has a host that is no IPv4 address; four numbers from 0 to 255 are") from None
    return name


def refused(text: str) -> ConfigError:
    return ConfigError(fields={"address": text})
