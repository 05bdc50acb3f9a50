"""Two kinds of column that Django lacks: keys compared byte by byte, and secrets encrypted at rest."""

from functools import cache
from typing import Any

from cryptography.fernet import MultiFernet
from django.conf import settings
from django.db import models

from rollbook.lib import secrets


class KeyField(models.TextField):  # type: ignore[type-arg]
    """Text that is only ever compared byte by byte: an index on it costs less than half of one in the database's own order."""

    def db_parameters(self, connection: Any) -> Any:
        return super().db_parameters(connection) | ({"collation": "C"} if connection.vendor == "postgresql" else {})


class SecretField(models.TextField):  # type: ignore[type-arg]
    """Text that lies encrypted in the database and is plain in the process."""

    def get_prep_value(self, value: Any) -> Any:
        return secrets.seal(value, _ring(tuple(settings.FIELD_KEYS))) if value else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return secrets.unseal(value, _ring(tuple(settings.FIELD_KEYS))) if value else value


@cache
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return secrets.ring(keys)
