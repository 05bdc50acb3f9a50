"""What one run looked at: its files beside the roster, searched, filtered and given the names that people know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl

from rollbook.domain.changes import Change
from rollbook.domain.entities import BY_NAME, ORG, PERSON, ROLE, Entity
from rollbook.store.models import Run
from rollbook.store.roster import Roster
from rollbook.store.snapshots import RunFiles, Snapshot, files_of, open_snapshot

#: What a search looks into.
SEARCHED = {
    "org": ("name", "identifier"),
    "academic_session": ("title",),
    "course": ("title", "course_code"),
    "section": ("title", "section_code"),
    "person": ("given_name", "family_name", "preferred_given_name", "preferred_family_name", "identifier", "username", "email"),
}
#: Rows that are only links are found by what they link.
LINKS = {
    "enrollment": {"person": "person", "section": "section"},
    "role": {"person": "person", "org": "org"},
    "guardianship": {"student": "person", "guardian": "person"},
}
#: The column that says at which school a row is.
SCHOOL = {"section": "school", "enrollment": "school", "course": "org", "role": "org"}

#: The number that people use, where rows of this kind have one.
NUMBER = {"person": "identifier", "org": "identifier", "section": "section_code", "course": "course_code"}


@dataclass(frozen=True)
class Looked:
    """One run's files, and the roster beside them."""

    run: Run
    met_by: dict[tuple[str, str], pl.Series] = field(default_factory=dict)  # (entity, word) -> ids: asked for by every link

    @cached_property
    def files(self) -> RunFiles:
        return files_of(self.run.source_id, self.run.pk)

    @cached_property
    def snapshot(self) -> Snapshot | None:
        return open_snapshot(self.files.snapshot)

    @cached_property
    def roster(self) -> Roster:
        return Roster(self.run.district_id, self.run.source_id)

    def wanted(self, entity: Entity, *, kind: str | None, school: str | None, words: Sequence[str]) -> pl.LazyFrame | None:
        """Return an entity's changes that meet all of this."""
        changes = self.files.changes(entity)
        if changes is None:
            return None
        if kind:
            changes = changes.filter(pl.col("kind") == kind)
        if school:
            changes = changes.filter(self._at(entity, names_of(changes), school))
        for word in words:
            changes = changes.filter(self.met(entity, names_of(changes), word))
        return changes

    def words(self, search: str, *entities: Entity, kind: str | None, school: str | None) -> list[str]:
        """Take a search for one phrase, as a name is written on the page, if it finds a change; else for so many words."""
        words = search.split()
        for entity in entities if len(words) > 1 else ():
            found = self.wanted(entity, kind=kind, school=school, words=[search])
            if found is not None and not found.head(1).collect().is_empty():
                return [search]
        return words

    def named(self, entity: Entity, keys: pl.Series) -> pl.DataFrame:
        """Look up what rows are called: `sourced_id`, `name`, `number`; as they would be, else as they are."""
        columns = [name for name in _called(entity) if name]
        known = self.roster.rows(entity, keys).select("sourced_id", *columns)
        changes = self.files.changes(entity)
        if changes is not None:
            mine = changes.filter(pl.col("sourced_id").is_in(keys.implode()))
            come = mine.select("sourced_id", *(value(name, names_of(changes)) for name in columns)).collect()
            known = pl.concat([come, known]).unique("sourced_id", keep="first")
        return known.select("sourced_id", _name(entity).alias("name"), _number(entity).alias("number"))

    def described(self, entity: Entity, changes: pl.DataFrame) -> pl.DataFrame:
        """Give changes what people know them by: `label`, `number`, `school` and `school_name`.

        Shape: at most four look-ups, whatever the number of rows.
        """
        present = changes.columns
        rows = changes.with_columns(value(name, present).alias(f"it.{name}") for name in entity.names)
        rows = rows.with_columns(number=_number(entity, "it."))
        if entity.name in LINKS:
            for column, target in LINKS[entity.name].items():
                met = self.named(BY_NAME[target], _keys(rows[f"it.{column}"]))
                rows = rows.join(_as(met, f"it.{column}", f"name.{column}"), on=f"it.{column}", how="left", maintain_order="left")
            rows = rows.with_columns(pl.col(f"name.{c}").fill_null(pl.col(f"it.{c}")) for c in LINKS[entity.name])
        rows = rows.with_columns(label=_label(entity).fill_null(pl.col("sourced_id")))
        if entity is PERSON:
            home = self._homes(_keys(rows["sourced_id"]))
            rows = rows.join(home, on="sourced_id", how="left", maintain_order="left")
        else:
            rows = rows.with_columns(
                school=pl.col(f"it.{SCHOOL[entity.name]}") if entity.name in SCHOOL else pl.lit(None, pl.String)
            )
        met = self.named(ORG, _keys(rows["school"]))
        return rows.join(_as(met, "school", "school_name"), on="school", how="left", maintain_order="left")

    def references(self, rows: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
        """Look up the names of what the changed fields of a page's rows point to."""
        asked: dict[str, set[str]] = {}
        for row in rows:  # a page of them
            pointing = {column.name: column for column in BY_NAME[row["entity"]].references}
            for name, *both in row["fields"]:
                if name in pointing:
                    keys = [key for each in both if each for key in (each.split(",") if pointing[name].many else [each])]
                    asked.setdefault(pointing[name].refers_to or "", set()).update(keys)
        found = {}
        for target, wanted in asked.items():
            met = self.named(BY_NAME[target], pl.Series(sorted(wanted), dtype=pl.String)).drop_nulls("name")
            found.update({(target, key): name for key, name in met.select("sourced_id", "name").iter_rows()})
        return found

    def _homes(self, people: pl.Series) -> pl.DataFrame:
        """Find the school of people: where they are students, else their first role."""
        columns = ("person", "org", "role")
        roles = self.roster.children(ROLE, "person", people).select(columns)
        changes = self.files.changes(ROLE)
        if changes is not None:
            present = names_of(changes)
            moved = changes.select("kind", *(value(name, present) for name in columns))
            moved = moved.filter(pl.col("person").is_in(people.implode()))
            # Where somebody comes to counts before where somebody leaves: that is where they are found afterwards.
            moved = moved.sort(pl.col("kind") == Change.VANISH.value, maintain_order=True).select(columns)
            roles = pl.concat([moved.collect(), roles])
        roles = roles.sort(pl.col("role") != "student", maintain_order=True)
        return roles.group_by("person", maintain_order=True).agg(pl.col("org").first()).select(sourced_id="person", school="org")

    def _at(self, entity: Entity, present: Sequence[str], school: str) -> pl.Expr:
        if entity is ORG:
            return (pl.col("sourced_id") == school) | (value("parent", present) == school)
        if entity.name in SCHOOL:
            return value(SCHOOL[entity.name], present) == school
        if entity is PERSON or entity.name == "guardianship":
            there = self._people_at(school).implode()
            return (pl.col("sourced_id") if entity is PERSON else value("student", present)).is_in(there)
        return pl.lit(False)

    def _people_at(self, school: str) -> pl.Series:
        people = self.roster.children(ROLE, "org", pl.Series([school]))["person"]
        changes = self.files.changes(ROLE)
        if changes is not None:
            there = changes.filter(value("org", names_of(changes)) == school)
            people = pl.concat([people, there.select(value("person", names_of(changes))).collect()["person"]])
        return people.unique()

    def met(self, entity: Entity, present: Sequence[str], word: str) -> pl.Expr:
        if entity.name not in LINKS:
            return _says(word, present, entity)
        links = LINKS[entity.name].items()
        return pl.any_horizontal(
            value(column, present).is_in(self._ids(BY_NAME[target], word).implode()) for column, target in links
        )

    def _ids(self, entity: Entity, word: str) -> pl.Series:
        """Find the rows of an entity, changed or not, that a word is in."""
        if (entity.name, word) not in self.met_by:
            self.met_by[entity.name, word] = self._search(entity, word)
        return self.met_by[entity.name, word]

    def _search(self, entity: Entity, word: str) -> pl.Series:
        columns = SEARCHED[entity.name]
        found = []
        changes = self.files.changes(entity)
        if changes is not None:
            found.append(changes.filter(_says(word, names_of(changes), entity)).select("sourced_id").collect())
        if self.snapshot is not None and self.snapshot.offers(entity):
            sent = self.snapshot.rows(entity)
            found.append(sent.filter(_says(word, names_of(sent), entity)).select("sourced_id").collect())
        else:
            for batch in self.roster.active(entity, columns):
                found.append(batch.filter(_says(word, batch.columns, entity)).select("sourced_id"))
        return pl.concat(found)["sourced_id"].unique() if found else pl.Series("sourced_id", dtype=pl.String)


def names_of(frame: pl.LazyFrame) -> list[str]:
    return frame.collect_schema().names()


def value(name: str, present: Sequence[str]) -> pl.Expr:
    """Write a column as it would be, else as it is."""
    both = [each for each in (name, f"was.{name}") if each in present]
    return (pl.coalesce(both) if both else pl.lit(None, pl.String)).alias(name)


def _keys(column: pl.Series) -> pl.Series:
    return column.drop_nulls().unique()


def _as(met: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    return met.select(pl.col("sourced_id").alias(key), pl.col("name").alias(name))


def _called(entity: Entity) -> tuple[str, ...]:
    """Name the columns that make the name and the number of a row."""
    own = {"person": ("given_name", "family_name"), "org": ("name",)}.get(entity.name, ("title",))
    return (*own, NUMBER.get(entity.name, ""))


def _name(entity: Entity, prefix: str = "") -> pl.Expr:
    *parts, _ = _called(entity)
    joined = pl.concat_str([pl.col(f"{prefix}{part}") for part in parts], separator=" ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _number(entity: Entity, prefix: str = "") -> pl.Expr:
    return pl.col(f"{prefix}{NUMBER[entity.name]}") if entity.name in NUMBER else pl.lit(None, pl.String)


def _label(entity: Entity) -> pl.Expr:
    if entity.name == "enrollment":
        return pl.format("{} in {}", pl.col("name.person"), pl.col("name.section"))
    if entity.name == "role":
        return pl.format("{}, {} at {}", pl.col("name.person"), pl.col("it.role"), pl.col("name.org"))
    if entity.name == "guardianship":
        return pl.format(
            "{}, {} of {}", pl.col("name.guardian"), pl.col("it.relationship").fill_null("guardian"), pl.col("name.student")
        )
    return _name(entity, "it.")


def _says(word: str, present: Sequence[str], entity: Entity) -> pl.Expr:
    columns = [each for name in SEARCHED[entity.name] for each in (name, f"was.{name}") if each in present]
    return contains(pl.concat_str(["sourced_id", *columns], separator=" ", ignore_nulls=True), word)


def contains(said: pl.Expr, word: str) -> pl.Expr:
    """Look for words without regard to case, accents and signs: who types Nunez means Núñez; "4 (02)" is 4, and then 02."""
    plain = pl.select(_plain(pl.lit(word))).item()
    return _plain(said).str.contains(plain, literal=True)


def _plain(said: pl.Expr) -> pl.Expr:
    letters = said.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return letters.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
