"""The settings that an operator may give, from the environment or a `.env` file, each with its default and meaning."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import platformdirs

from rollbook.domain.errors import ConfigError

PREFIX = "ROLLBOOK_"
DATA_DIR = Path(platformdirs.user_data_dir("rollbook"))
YES, NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


def setting(default: Any, meaning: str) -> Any:
    """Declare one setting: its default, and what it means to an operator."""
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Config:
    """What scripts may rely on: the names, with the prefix ROLLBOOK_."""

    database_url: str = setting(
        "",
        "sqlite:///RELATIVE, sqlite:////ABSOLUTE or postgres://USER[:PASSWORD]@HOST:PORT/NAME. Empty: SQLite in the data folder.",
    )
    data_dir: Path = setting(DATA_DIR, "Snapshots, changesets, receipts, the SQLite database and kept mail.")  # noqa: RUF009
    secret_key: str = setting(
        "",
        "Signs sessions and, unless ROLLBOOK_FIELD_KEYS is given, encrypts credentials at rest. "
        "Empty: made on first start and kept in the data folder, readable by its owner alone.",
    )
    field_keys: str = setting(
        "", "Keys for credentials at rest, separated by commas: the first writes, all read. Empty: the secret key."
    )
    email_url: str = setting(
        "", "smtp://[USER:PASSWORD@]HOST:PORT, smtps://…, file:///FOLDER or console:. Empty: files in the data folder."
    )
    email_from: str = setting("Rollbook <rollbook@localhost>", "Sender of all mail.")
    public_url: str = setting("http://127.0.0.1:8000", "The address that people use: for links in mail and for allowed hosts.")
    allowed_networks: str = setting(
        "",
        "Hosts and networks within your own network that sources may be asked at, separated by commas, such as "
        "`ps.example.org, 10.1.0.0/16`. Only these may be asked over http://, too. Empty: none.",
    )
    demo: bool = setting(False, "Set by `rollbook demo`: sign-in is shown on the sign-in page.")
    given: frozenset[str] = frozenset()  # the settings that somebody gave

    @classmethod
    def read(cls) -> Self:
        """Read the environment and, for what it lacks, the file `.env` here. Raises ConfigError with every complaint at once."""
        texts = {**_dotenv(), **{name.upper(): text for name, text in os.environ.items()}}
        values: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for each in cls.settings():
            text = texts.get(PREFIX + each.name.upper())
            if text is None:
                continue
            if each.type is bool and text.strip().lower() not in (*YES, *NO):
                wrong[PREFIX + each.name.upper()] = f"'{text}' is neither yes nor no"
            values[each.name] = _made(each.type, text)
        read = cls(**values, given=frozenset(values))
        if wrong := read._wrong_addresses() | wrong:
            raise ConfigError(fields=wrong)
        return read

    @classmethod
    def settings(cls) -> list[Any]:
        """Return the fields that an operator may give."""
        return [each for each in fields(cls) if each.metadata]

    def _wrong_addresses(self) -> dict[str, str]:
        """Say what is wrong with the addresses, by setting. No value is repeated: it may hold a password."""
        wrong: dict[str, str] = {}
        for address in ("database", "mailer", "public_host"):
            try:
                getattr(self, address)
            except ConfigError as error:
                wrong |= error.fields
        if not re.fullmatch(r"[^\s<>\"]+@[^\s<>\"]+", parseaddr(self.email_from)[1]):
            wrong["ROLLBOOK_EMAIL_FROM"] = "is no mail address; write it as Rollbook <rollbook@district.example>"
        return wrong

    @cached_property
    def public_host(self) -> str:
        """Return the host at which people find Rollbook."""
        parts = _parts("ROLLBOOK_PUBLIC_URL", self.public_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            text = "begins with http:// or https:// and names a host, such as https://rollbook.district.example"
            raise ConfigError(fields={"ROLLBOOK_PUBLIC_URL": text})
        return parts.hostname

    @cached_property
    def database(self) -> dict[str, Any]:
        """Return Django's description of the database."""
        url = self.database_url or f"sqlite:///{(self.data_dir / 'rollbook.sqlite3').resolve()}"
        parts = _parts("ROLLBOOK_DATABASE_URL", url)
        if parts.scheme == "sqlite":
            path = Path(unquote(parts.path[1:])) if parts.path.startswith("/") else Path(unquote(parts.path))
            return {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(path),
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 30,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;",
                },
            }
        if parts.scheme in ("postgres", "postgresql"):
            return {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": unquote(parts.path.lstrip("/")),
                "USER": unquote(parts.username or ""),
                "PASSWORD": unquote(parts.password or ""),
                "HOST": unquote(parts.hostname or ""),
                "PORT": str(parts.port or ""),
                "OPTIONS": dict(parse_qsl(parts.query)),
                "CONN_MAX_AGE": 60,
            }
        raise ConfigError(fields={"ROLLBOOK_DATABASE_URL": f"begins with '{parts.scheme}:'; known are sqlite: and postgres:"})

    @property
    def database_is_local(self) -> bool:
        return self.database["ENGINE"].endswith("sqlite3") or self.database.get("HOST") in ("", "localhost", "127.0.0.1", "::1")

    @cached_property
    def mailer(self) -> dict[str, Any]:
        """Return Django's description of how mail leaves."""
        parts = _parts("ROLLBOOK_EMAIL_URL", self.email_url or f"file://{(self.data_dir / 'mail').resolve()}")
        if parts.scheme == "console":
            return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
        if parts.scheme == "file":
            return {"BACKEND": "rollbook.lib.mail.FolderBackend", "OPTIONS": {"folder": unquote(parts.path)}}
        if parts.scheme in ("smtp", "smtps"):
            options = {
                "host": parts.hostname or "localhost",
                "port": parts.port or (465 if parts.scheme == "smtps" else 25),
                "username": unquote(parts.username or ""),
                "password": unquote(parts.password or ""),
                "use_ssl": parts.scheme == "smtps",
                "use_tls": "tls" in dict(parse_qsl(parts.query, keep_blank_values=True)),
                "timeout": 20,
            }
            return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}
        raise ConfigError(
            fields={"ROLLBOOK_EMAIL_URL": f"begins with '{parts.scheme}:'; known are smtp:, smtps:, file: and console:"}
        )

    @cached_property
    def signing_key(self) -> str:
        """Return the secret key: the given one, else the one in the data folder, made on first use."""
        if self.secret_key:
            return self.secret_key
        if not self.database_is_local:
            raise ConfigError(
                fields={"ROLLBOOK_SECRET_KEY": "is required when the database is on another machine"},
                next_step="Make one with: python -c 'import secrets; print(secrets.token_urlsafe(50))'",
            )
        path = self.data_dir / "secret.key"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            key = secrets.token_urlsafe(50)
            try:
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(key)
            except FileExistsError:  # another process was first
                return path.read_text().strip()
            return key


def _made(kind: Any, text: str) -> Any:
    """Make a setting from what was written; a shell leaves ~ alone in quotes, and nobody else reads it in a file."""
    if kind is bool:
        return text.strip().lower() in YES
    return Path(os.path.expanduser(text)) if kind is Path else kind(text)


def _parts(name: str, url: str) -> SplitResult:
    """Take an address apart. Raises ConfigError, without the value, where a password with a / or # would pass for a host."""
    try:
        parts = urlsplit(url)
        torn = parts.scheme not in ("sqlite", "file") and bool(parts.fragment or "@" in parts.path + parts.query)
        _ = parts.port  # complains where it is none
    except ValueError:
        torn = True
    if not torn:
        return parts
    text = "cannot be read: in a name or password, letters such as / # ? @ are written %2F %23 %3F %40; a port is a number"
    raise ConfigError(fields={name: text})


def _dotenv() -> Mapping[str, str]:
    try:
        if not Path(".env").is_file():
            return {}
        from dotenv import dotenv_values  # few installations have the file, and every command would wait for the import

        return {name.upper(): text or "" for name, text in dotenv_values(".env").items()}
    except OSError as error:
        why = f"The file .env here cannot be read: {error.strerror}"
        raise ConfigError(why, next_step="Go to a folder of your own.") from error
