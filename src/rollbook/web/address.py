"""From where somebody asks: what sign-ins are counted by."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Return the address of whoever asks.

    With a public address in https there is a proxy in front, which is believed as it is about https. What it has seen itself
    stands last in its header; all that stands before may be made up by whoever asks. What is no address, as one with a port,
    which is another one each time, counts for the proxy.
    """
    seen = str(request.META.get("REMOTE_ADDR", ""))
    said = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    try:
        return str(ip_address(said.rpartition(",")[2].strip()))
    except ValueError:
        return seen
