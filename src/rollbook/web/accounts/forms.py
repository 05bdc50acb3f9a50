"""The forms of the desk of accounts: what people type, as text that actions judge."""

from typing import Any, cast

from django import forms
from django.http import HttpRequest, QueryDict

from rollbook.domain.words import KINDS_OF_PEOPLE, PEOPLE_WORDS
from rollbook.web.manage.forms import Spoken

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class ByHandForm(Spoken):
    """An account that was made by hand."""

    name = forms.CharField(label="Name", widget=forms.TextInput(attrs=PLAIN))
    username = forms.CharField(label="Username", required=False, widget=forms.TextInput(attrs=PLAIN | {"autocapitalize": "off"}))
    email = forms.CharField(
        label="Email",
        required=False,
        help_text="With a username, an email, or both, people sign in.",
        widget=forms.EmailInput(PLAIN),
    )


class NewForm(ByHandForm):
    """A new account that is made by hand."""

    kind = forms.ChoiceField(
        label="Kind",
        widget=forms.RadioSelect,
        choices=[(kind, PEOPLE_WORDS[kind][0].capitalize()) for kind in KINDS_OF_PEOPLE],
        help_text="An account has one kind. Who is two of these gets two accounts.",
        error_messages={"required": "Choose one kind."},
    )
    field_order = ("kind", "name", "username", "email")

    def __init__(self, *given: Any, partly: bool, **more: Any) -> None:
        super().__init__(*given, **more)
        if partly:  # whoever works at some schools makes no other kind
            kind = cast(forms.ChoiceField, self.fields["kind"])
            kind.choices = [("guardian", PEOPLE_WORDS["guardian"][0].capitalize())]

    def clean_kind(self) -> str:
        """Refuse two kinds for one account; a browser sends one, other programs may send anything."""
        sent = self.data.getlist("kind") if isinstance(self.data, QueryDict) else [self.data.get("kind")]
        if len(set(sent)) > 1:
            raise forms.ValidationError("An account has one kind. Make two accounts.")
        return str(self.cleaned_data["kind"])


class FollowsForm(Spoken):
    """What can be set by hand over the roster."""

    given_name = forms.CharField(label="First name", widget=forms.TextInput(attrs=PLAIN))
    family_name = forms.CharField(label="Last name", widget=forms.TextInput(attrs=PLAIN))
    email = forms.CharField(label="Email", required=False, widget=forms.EmailInput(PLAIN))
    username = forms.CharField(
        label="Username",
        required=False,
        help_text="It comes from the district’s rule. What you set here stays when the rule or the source changes.",
        widget=forms.TextInput(attrs=PLAIN | {"autocapitalize": "off"}),
    )


def numbers(request: HttpRequest, name: str) -> list[int]:
    """Read the numbers that a form sends under one name; what is none is left out."""
    return list(dict.fromkeys(int(each) for each in request.POST.getlist(name) if each.isdecimal() and len(each) < 19))


def values(form: Spoken, *names: str) -> dict[str, Any]:
    """Return some of what was typed. Needs: a valid form."""
    return {name: form.cleaned_data[name] for name in names}
