"""The forms of the Import Manager: what people type, read into the types that actions take."""

import re
from dataclasses import MISSING, Field
from datetime import time
from typing import Any
from zoneinfo import available_timezones

from django import forms

from rollbook.actions import sources
from rollbook.actions.preferences import DAYS_AT_MOST, Preferences
from rollbook.domain.errors import ConfigError

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: A time of day the way that people write it: 2:00, 02:00, 2 am, 2:30pm.
TIME = re.compile(r"^(\d{1,2})(?:[:.](\d{2}))?\s*([ap])?\.?\s*m?\.?$", re.IGNORECASE | re.ASCII)


class Spoken(forms.Form):
    """A form that says what it wants beside each field, and takes complaints from actions."""

    required_css_class = "required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for field in self.fields.values():
            field.error_messages["required"] = f"{field.label} is needed."
            field.error_messages["min_value"] = f"{field.label}: %(limit_value)s or more."
            field.error_messages["max_value"] = f"{field.label}: %(limit_value)s or less."
            if isinstance(field, forms.IntegerField):
                field.error_messages["invalid"] = f"{field.label}: a whole number, such as 30."

    def complain(self, error: ConfigError) -> None:
        """Put the complaints of an action beside the fields that they are about."""
        for name, text in error.fields.items():
            field = name if name in self.fields else None
            label = self.fields[name].label if field else name.replace("_", " ").capitalize()
            self.add_error(field, f"{label}: {text}.")
        if not error.fields:
            self.add_error(None, str(error))

    @property
    def complaints(self) -> list[tuple[str, str]]:
        """Return every complaint with the id of its field, for the summary above the form."""
        found = [("", str(text)) for text in self.non_field_errors()]
        return found + [(field.id_for_label or field.auto_id, str(text)) for field in self for text in field.errors]


class Secret(forms.CharField):
    """A secret: typed unseen, and never shown again."""

    def __init__(self, *, kept: bool, **more: Any) -> None:
        super().__init__(widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}), **more)
        self.kept = kept


class SettingsForm(Spoken):
    """Everything about a source that does not depend on its system."""

    name = forms.CharField(label="Name", max_length=100, help_text="What you call this source, such as “Lincoln files”.")
    kind = forms.ChoiceField(label="System and method")
    times = forms.CharField(
        label="Times of day",
        required=False,
        help_text="In your district's time, such as 2:00 am or 2:00 am, 1:30 pm. Leave empty to import only by hand.",
    )
    weekdays = forms.TypedMultipleChoiceField(
        label="On these days",
        required=False,
        coerce=int,
        choices=list(enumerate(WEEKDAYS)),
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked means every day.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone of the district", help_text="All sources of the district share it.", choices=lambda: zones()
    )
    rollover = forms.DateField(
        label="The school year changes on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Kept for the change of the school year. Nothing happens by itself on this day yet.",
    )
    told = forms.CharField(
        label="Who is told",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Email addresses, one a line. They get Import Results after each import, and Check Your Data when one is held.",
    )
    releases = forms.BooleanField(
        label="A held import may be closed by a later scheduled one that is within the limits",
        required=False,
        help_text="Otherwise a held import always waits for a person.",
    )
    keep_days = forms.IntegerField(
        label="Days that copies of the files are kept",
        min_value=1,
        max_value=DAYS_AT_MOST,
        help_text="To look at rows of past imports.",
    )
    undo_days = forms.IntegerField(
        label="Days that imports can be undone",
        min_value=1,
        max_value=DAYS_AT_MOST,
        help_text="So long is kept what stood there before.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = sources.kinds()  # type: ignore[attr-defined]

    def clean_times(self) -> tuple[str, ...]:
        """Read times of day as people write them."""
        words = [word.strip() for word in re.split(r"[,;\n]", self.cleaned_data["times"]) if word.strip()]
        return tuple(read_time(word) for word in words)

    def preferences(self) -> Preferences:
        """Return what was typed. Needs: a valid form."""
        typed = self.cleaned_data
        return Preferences(
            name=typed["name"],
            times=typed["times"],
            weekdays=tuple(typed["weekdays"]),
            told=tuple(word for word in re.split(r"[\s,;]+", typed["told"]) if word),
            keep_days=typed["keep_days"],
            undo_days=typed["undo_days"],
            releases=typed["releases"],
            rollover=typed["rollover"],
            time_zone=typed["time_zone"],
        )


def typed(now: Preferences, kind: str) -> dict[str, Any]:
    """Return preferences as the form shows them."""
    return {
        "name": now.name,
        "kind": kind,
        "times": ", ".join(spoken(each) for each in now.times),
        "weekdays": list(now.weekdays),
        "time_zone": now.time_zone,
        "rollover": now.rollover,
        "told": "\n".join(now.told),
        "releases": now.releases,
        "keep_days": now.keep_days,
        "undo_days": now.undo_days,
    }


def read_time(word: str) -> str:
    """Read one time of day: "2 pm" gives "14:00". Raises ValidationError."""
    met = TIME.match(word)
    if met:
        hour, minute, half = int(met[1]), int(met[2] or 0), (met[3] or "").lower()
        if (half or met[2]) and minute < 60 and (1 <= hour <= 12 if half else hour < 24):
            hour = hour % 12 + (12 if half == "p" else 0) if half else hour
            return f"{hour:02}:{minute:02}"
    raise forms.ValidationError(f"“{word}” is not a time of day. Write it as 2:00 am or 14:00.")


def spoken(text: str) -> str:
    """Write a time of day for people: 2:00 am."""
    at = time.fromisoformat(text)
    return f"{at.hour % 12 or 12}:{at:%M} {'am' if at.hour < 12 else 'pm'}"


def zones() -> list[tuple[str, str]]:
    """Return the time zones by region, without the old names that only machines use."""
    regions = ("America", "Europe", "Africa", "Asia", "Australia", "Pacific", "Atlantic", "Indian", "Antarctica", "UTC")
    named = [zone for zone in sorted(available_timezones()) if zone.split("/")[0] in regions]
    return [(zone, zone.replace("_", " ")) for zone in named]


def setup_form(kind: str, kept: set[str]) -> type[Spoken]:
    """Make the form of one method from its options. `kept` names the secrets that are known: left empty, they stay."""
    return type("SetupForm", (Spoken,), {option.name: _field(option, option.name in kept) for option in sources.options(kind)})


def _field(option: Field[Any], known: bool) -> forms.Field:
    meta = option.metadata
    common = {"label": meta["label"], "help_text": meta["hint"], "required": sources.required(option) and not known}
    if meta["choices"] and sources.required(option):
        return forms.ChoiceField(choices=meta["choices"].items(), widget=forms.RadioSelect, **common)
    if meta["choices"]:
        return forms.ChoiceField(choices=[("", "Not set"), *meta["choices"].items()], **common)
    if meta["secret"]:
        if known:
            common["help_text"] = f"{meta['hint']} One is stored and never shown. Leave empty to keep it.".strip()
        return Secret(kept=known, **common)
    default = "" if option.default in (MISSING, "") else str(option.default)
    return forms.CharField(
        initial=default, widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}), **common
    )
