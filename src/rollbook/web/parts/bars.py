"""Bars as SVG, drawn on the server: the numbers stand in the table beside them, the bar shows their proportion."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

#: A part that is there at all is seen: in hundredths of the bar.
LEAST = 0.8


def now_and_after(now: int, gone: int, new: int, largest: int, what: str, came: str = "new") -> SafeString:
    """Draw what stays, what leaves and what comes, to the scale of the largest bar of the table."""
    parts = (("is", now - gone), ("gone", gone), ("new", new))
    label = f"{what}: {now:,} now, {gone:,} leave, {new:,} {came}, {now - gone + new:,} after"
    return _bar(parts, largest, label)


def of_changes(new: int, altered: int, gone: int, largest: int, came: str = "new") -> SafeString:
    """Draw how many rows are new, or back, change and leave."""
    label = f"{new:,} {came}, {altered:,} change, {gone:,} leave"
    return _bar((("new", new), ("alters", altered), ("gone", gone)), largest, label)


def against_limit(value: float, limit: float, *, closed: bool, label: str) -> SafeString:
    """Draw a measure against its limit, which stands at two thirds of the bar."""
    mark = 200 / 3
    width = min(100.0, mark * value / limit) if limit else 0.0
    return format_html(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="rest" width="100" height="6"/><rect class="{}" width="{}" height="6"/>'
        '<rect class="mark" x="{}" width=".7" height="6"/></svg>',
        label,
        "over" if closed else "is",
        f"{max(width, LEAST) if value else 0:.2f}",
        f"{mark:.2f}",
    )


def _bar(parts: Sequence[tuple[str, int]], largest: int, label: str) -> SafeString:
    rects, x = [], 0.0
    for name, count in parts:
        if count > 0 and largest:
            width = max(LEAST, 98 * count / largest)
            rects.append((name, f"{x:.2f}", f"{width:.2f}"))
            x += width
    return format_html(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        label,
        format_html_join("", '<rect class="{}" x="{}" width="{}" height="6"/>', rects),
    )
