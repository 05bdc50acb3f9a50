"""Who a session belongs to, as long as the account is active."""

from typing import Any

from django.contrib.auth.backends import ModelBackend


class Backend(ModelBackend):
    """Finds the account of a session. Nobody gets in through it: see `signing.sign_in`."""

    def authenticate(self, *args: Any, **kwargs: Any) -> None:
        return None
