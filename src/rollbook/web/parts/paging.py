"""Where one is in a long list, and the links to what comes before and after."""

from dataclasses import dataclass

from django.http import HttpRequest, QueryDict

LIMIT = 50


@dataclass(frozen=True)
class Pages:
    """One page of many."""

    total: int
    offset: int
    limit: int
    query: QueryDict
    anchor: str = ""

    @property
    def first(self) -> int:
        return self.offset + 1

    @property
    def last(self) -> int:
        return min(self.offset + self.limit, self.total)

    @property
    def before(self) -> str:
        return self._at(self.offset - self.limit) if self.offset > 0 else ""

    @property
    def after(self) -> str:
        return self._at(self.offset + self.limit) if self.offset + self.limit < self.total else ""

    def _at(self, offset: int) -> str:
        query = self.query.copy()
        query["page"] = str(offset // self.limit + 1)
        return f"?{query.urlencode()}{self.anchor}"


def offset_of(request: HttpRequest, limit: int = LIMIT) -> int:
    """Return how many rows come before the page that is asked for; a page that is none is the first."""
    asked = request.GET.get("page", "")
    return (max(1, int(asked)) - 1) * limit if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0


def pages(request: HttpRequest, total: int, offset: int, limit: int = LIMIT, anchor: str = "") -> Pages:
    """Return where a page stands, with links that keep the filters of the request."""
    return Pages(total, offset, limit, request.GET, anchor)
