"""A cell is read the same among plain ones and among odd ones: what is spared for plain batches changes nothing."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollbook.connectors.oneroster import forms
from rollbook.connectors.oneroster.forms import Manner
from rollbook.connectors.oneroster.vocabulary import CEDS, FILES, Field, Form

FIELDS = {
    (version, field.form, field.words): field
    for version, files in FILES.items()
    for fields in files.values()
    for field in fields
    if field.form in (Form.WORD, Form.BOOLEAN, Form.GRADES, Form.LIST, Form.KEYS)
}


def cells(field: Field) -> st.SearchStrategy[str | None]:
    words = [*field.words, *sorted(CEDS), "true", "false"]
    spelt = st.sampled_from(words).flatmap(lambda word: st.sampled_from([word, word.upper(), word.lower(), f"{word} x"]))
    lists = st.lists(spelt | st.sampled_from(["", "a", "b c"]), min_size=1, max_size=4).flatmap(
        lambda parts: st.sampled_from([",", ";", "|", ", ", ",,"]).map(lambda between: between.join(parts))
    )
    odd = st.sampled_from(["1", "yes", "5", "1st", "Kindergarten", "ext:coach", "ext:", "ç", "a,b", ",", "it"])
    return st.none() | spelt | lists | odd


@pytest.mark.once
@pytest.mark.parametrize("field", FIELDS.values(), ids=[f"{version}-{form}-{len(words)}" for version, form, words in FIELDS])
@given(drawn=st.data())
@settings(max_examples=15, deadline=None)
def test_company_does_not_change_what_a_cell_becomes(field: Field, drawn: st.DataObject) -> None:
    version = next(v for v, form, words in FIELDS if FIELDS[v, form, words] is field)
    reading = forms.read(field, Manner(version))
    looked = [reading.value.alias("value"), *(check.when.fill_null(False).alias(check.rule) for check in reading.checks)]
    several = [
        None if cell is None or not cell.strip() else cell.strip() for cell in drawn.draw(st.lists(cells(field), max_size=8))
    ]
    together = pl.DataFrame({field.heading: several}, schema={field.heading: pl.String}).select(looked)
    odd = pl.DataFrame({field.heading: [*several, "\ufffd ; odd"]}).select(looked).head(len(several))
    alone = [pl.DataFrame({field.heading: [cell]}, schema={field.heading: pl.String}).select(looked) for cell in several]

    assert together.rows() == odd.rows() == [row for each in alone for row in each.rows()]
