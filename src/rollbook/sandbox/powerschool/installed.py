"""The plugins of a PowerSchool: which are installed, enabled and granted, and what their credentials are."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from rollbook.sandbox.powerschool import guesses, plugin
from rollbook.sandbox.powerschool.named_queries import NamedQuery
from rollbook.sandbox.powerschool.plugin import Package, Refused

#: The page sizes that an admin sets for a plugin, by their names in the metadata.
PAGE_SIZES = (
    *("student", "staff", "school", "course", "section", "section_enrollment", "term"),
    "schema_table_query",
)


@dataclass
class Installed:
    """One installed plugin. It is disabled, and nothing is granted, until an admin enables it."""

    number: int
    package: Package
    filename: str
    content: bytes  # the package, as it was uploaded
    enabled: bool = False
    client_id: str = ""
    client_secret: str = ""
    v1_level: str = "NONE"
    granted: dict[tuple[str, str], str] = field(default_factory=dict)
    page_sizes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PAGE_SIZES, 100))
    token: str = ""
    token_ends: datetime | None = None
    ended_tokens: set[str] = field(default_factory=set)
    tokens_asked: list[datetime] = field(default_factory=list)
    last_request: datetime | None = None

    @classmethod
    def of(cls, number: int, filename: str, content: bytes) -> Self:
        """Return the plugin of an uploaded file. Errors: plugin.Refused."""
        package = plugin.read(filename, content)
        return cls(number, package, filename, content, v1_level=package.v1_level)

    @property
    def ungranted(self) -> list[tuple[str, str]]:
        """Fields that it asks for and an admin has not confirmed."""
        return sorted(each for each in self.package.fields if each not in self.granted)

    def renew(self) -> None:
        """Make new credentials; the old ones end with their token."""
        self.client_id, self.client_secret = str(uuid.uuid4()), str(uuid.uuid4())
        self.token, self.token_ends = "", None

    def end_token(self) -> None:
        """Let the token run out now."""
        if self.token:
            self.ended_tokens.add(self.token)
        self.token, self.token_ends = "", None


class Plugins:
    """The installed plugins by their number."""

    def __init__(self, installed: Iterable[Installed] = (), next_number: int = 42) -> None:
        self._by_number = {each.number: each for each in installed}
        #: The number of the next one: that of a deleted plugin does not come again.
        self.next = next_number

    def __iter__(self) -> Iterator[Installed]:
        return iter(list(self._by_number.values()))

    def __getitem__(self, number: int) -> Installed:
        return self._by_number[number]

    def get(self, number: int) -> Installed | None:
        """Return a plugin, or nothing."""
        return self._by_number.get(number)

    def install(self, filename: str, content: bytes) -> Installed:
        """Install a plugin, or a higher version of one that is there, which keeps its credentials and what was granted.

        Errors: plugin.Refused. A refused update for unknown fields leaves the plugin that was there disabled, as seen.
        """
        try:
            made = Installed.of(self.next, filename, content)
        except Refused as error:
            if error.unknown_fields and guesses.REFUSED_UPDATE_DISABLES:
                self._disable_the_one_in(filename, content)
            raise
        package = made.package
        old = next((each for each in self if each.package.name == package.name), None)
        if old and package.order <= old.package.order:
            raise Refused(
                f"The plugin '{package.name}' is installed already, in version {old.package.version}. "
                f"An update needs a higher version than that; this one is {package.version}."
            )
        self._refuse_collisions(package, old)
        if old:
            old.package, old.filename, old.content = package, filename, content
            return old
        if package.oauth:
            made.renew()
        self._by_number[made.number] = made
        self.next += 1
        return made

    def _disable_the_one_in(self, filename: str, content: bytes) -> None:
        name = plugin.name_in(filename, content)
        for each in self:
            if each.package.name == name:
                each.enabled = False

    def _refuse_collisions(self, package: Package, old: Installed | None) -> None:
        for other in self:
            if other is old:
                continue
            files = set(package.files) & set(other.package.files) - {"plugin.xml"}
            names = {query.name for query in package.queries} & {query.name for query in other.package.queries}
            if files or names:
                raise Refused(f"'{min(files or names)}' belongs to the plugin '{other.package.name}' already.")

    def enable(self, number: int) -> None:
        """Enable a plugin, and grant it what it asks for."""
        found = self[number]
        found.enabled = True
        found.granted = dict(found.package.fields)

    def disable(self, number: int) -> None:
        """Disable a plugin; its token and its queries are dead until it is enabled again."""
        self[number].enabled = False

    def delete(self, number: int) -> None:
        """Remove a plugin, and its credentials for good."""
        if not self[number].package.deletable:
            raise Refused(f"The plugin '{self[number].package.name}' says that it cannot be deleted.")
        del self._by_number[number]

    def query(self, name: str) -> tuple[Installed, NamedQuery] | None:
        """Return a named query of an installed plugin."""
        return next(((each, query) for each in self for query in each.package.queries if query.name == name), None)
