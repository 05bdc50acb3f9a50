"""Mail kept as files, one `.eml` each, for demos and machines without a mail server."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.mail.backends.base import BaseEmailBackend

from rollbook.lib import clock


class FolderBackend(BaseEmailBackend):
    """Writes each message into a folder, under a name that sorts by time."""

    def __init__(self, folder: str, **options: Any) -> None:
        super().__init__(**options)
        self.folder = Path(folder)

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{clock.now():%Y%m%dT%H%M%S.%fZ}-{uuid4().hex[:8]}"
            half = self.folder / f".{name}.half"
            half.write_bytes(message.message().as_bytes())
            os.replace(half, self.folder / f"{name}.eml")
        return len(email_messages)
