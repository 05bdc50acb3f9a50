"""From where somebody asks: what sign-ins are counted by."""

from django.conf import settings
from django.http import HttpRequest

LONGEST = 45  # an IPv6 address that holds one of IPv4


def address_of(request: HttpRequest) -> str:
    """Return the address of whoever asks.

    With a public address in https there is a proxy in front, which is believed as it is about https. What it has seen itself
    stands last in its header; all that stands before may be made up by whoever asks.
    """
    said = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return said.rpartition(",")[2].strip()[:LONGEST] or str(request.META.get("REMOTE_ADDR", ""))
