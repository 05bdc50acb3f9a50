"""Receives uploaded files: from people who are signed in, and no more than fits."""

from typing import Any

from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler

from rollbook.actions.uploads import LIMIT

TOO_MUCH = "rollbook.too_much"


class Bounded(TemporaryFileUploadHandler):
    """Writes files to disk, and stops when strangers send them or when they are too large.

    Needs: the session and account of the request, so middleware that reads forms comes after those of Django.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open a file for one part of the form."""
        user = getattr(self.request, "user", None)
        if user is None or not user.is_authenticated:
            raise StopUpload(connection_reset=True)
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write one piece, unless it is one too many."""
        self.received += len(raw_data)
        if self.received > LIMIT:
            self.request.META[TOO_MUCH] = "yes"  # type: ignore[union-attr]
            raise StopUpload(connection_reset=False)  # the rest is read and dropped, so that the browser gets an answer
        super().receive_data_chunk(raw_data, start)
