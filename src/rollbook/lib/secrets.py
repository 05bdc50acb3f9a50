"""Text that must not be read off the disk: encrypted with the first key of a ring, read with any."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class CannotRead(Exception):
    """None of the keys opens this text."""


def ring(keys: Sequence[str]) -> MultiFernet:
    """Make a key ring from passphrases; the first one writes. Any length will do: each is stretched by SHA-256."""
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"rollbook.fields:{key}".encode()).digest())) for key in keys]
    )


def seal(text: str, keys: MultiFernet) -> str:
    """Encrypt a text."""
    return keys.encrypt(text.encode()).decode()


def unseal(sealed: str, keys: MultiFernet) -> str:
    """Decrypt a text. Raises CannotRead, for example when the key was changed without keeping the old one."""
    try:
        return keys.decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise CannotRead("the key for encrypted settings is not the one that wrote them") from error
