"""What may become of a bundle: its next day, a part of a school lost, another order, planted faults."""

from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import polars as pl

from rollbook.domain.errors import ConfigError, NotFound
from rollbook.domain.findings import Level
from rollbook.sandbox import bundle, names
from rollbook.sandbox.bundle import Bundle, Fault, Summary
from rollbook.sandbox.names import Dice, Ints


def write_next_day(folder: Path, new: Path, *, rate: float = 0.01, seed: int = 1) -> Summary:
    """Write the day after a bundle of this module; return what changed.

    Shape: of the students `rate` in all: half changed, a quarter gone, a quarter new. Of the students' enrollments, besides those
        of leavers and newcomers: 0.4 `rate` dropped, 0.4 `rate` added, 0.2 `rate` moved to another class. Of the classes `rate`
        changed. Rows keep their order; new ones stand at the end. No class is left without a teacher or empty, no student
        without a class. The day depends on the bundle, too: the same seed day after day does not pick the same people.
    Units: `rate` 0 to 1.
    Errors: ConfigError for another rate; SourceBroken if the folder holds no such bundle.
    """
    if not 0 <= rate <= 1:
        raise ConfigError(fields={"rate": f"{rate} is not between 0 and 1"})
    old = bundle.read(folder)
    # Files that both versions have alike, so that a 1.1 and a 1.2 bundle of one district have the same next day.
    enrollments, classes = (crc32((folder / f"{name}.csv").read_bytes()) for name in ("enrollments", "classes"))
    made = _next_day(old, rate, Dice(seed ^ enrollments ^ classes << 32))
    return made.summary(made.write(new), old)


def _next_day(old: Bundle, rate: float, dice: Dice) -> Bundle:
    users, enrollments = old.users.with_row_index("row"), old.enrollments.with_row_index("row")
    pupils = users.filter(pl.col("role") == "student").with_row_index("pupil")
    sections = old.classes.with_row_index("class")
    joined = (
        enrollments.filter(pl.col("role") == "student")
        .join(pupils.select("sourcedId", "pupil"), left_on="userSourcedId", right_on="sourcedId", maintain_order="left")
        .join(sections.select("sourcedId", "class"), left_on="classSourcedId", right_on="sourcedId", maintain_order="left")
    )
    row, who, where = (joined[name].to_numpy().astype(np.int64) for name in ("row", "pupil", "class"))
    students, classes = pupils.height, sections.height
    numbers = pupils["identifier"].cast(pl.Int64)

    # The first student of every class stays, so that no class is left empty.
    anchor = np.unique(where, return_index=True)[1]
    stays = np.zeros(students, dtype=bool)
    stays[who[anchor]] = True
    shuffled = dice.order("leavers", students)
    leavers = shuffled[~stays[shuffled]][: _share(students * rate / 4)]
    left = np.zeros(students, dtype=bool)
    left[leavers] = True
    staying = dice.order("staying", students)
    staying = staying[~left[staying]]

    # Each student's first enrollment and each class's first student are never dropped or moved.
    free = ~left[who]
    free[anchor] = free[np.unique(who, return_index=True)[1]] = False
    pool = np.flatnonzero(free)[dice.order("enrollments", int(free.sum()))]
    drops = pool[: _share(len(who) * rate * 0.4)]
    moves = pool[len(drops) : len(drops) + _share(len(who) * rate * 0.2)]
    seeking = staying[dice.below("who adds", _share(len(who) * rate * 0.4), len(staying))]
    seekers = np.concatenate([who[moves], seeking])
    target = _free_classes(dice, seekers, who, where, old.classes)
    moved, found = target[: len(moves)], target[len(moves) :]
    moves, moved = moves[moved >= 0], moved[moved >= 0]
    where[moves] = moved

    gone_rows = pl.Series(np.concatenate([row[left[who]], row[drops]]), dtype=pl.UInt32).implode()
    spans = old.classes.select(pl.col("sourcedId").alias("classSourcedId"), "schoolSourcedId", *bundle.span(old.sessions))
    kept = _put(enrollments, row[moves], spans[moved]).filter(~pl.col("row").is_in(gone_rows)).drop("row")

    twins = dice.order("twins", students)
    twins = twins[~left[twins]][: _share(students * rate / 4)]
    arrivals, guardians = _arrivals(dice, pupils[twins], int(numbers.to_numpy().max()) + 1)
    # A new student sits in the classes of one who is there already: of the same school and grade, and free at the same hours.
    alive = ~left[who]
    alive[drops] = False
    copy = pl.DataFrame({"twin": who[alive], "class": where[alive]}).join(
        pl.DataFrame({"twin": twins, "new": np.arange(len(twins))}), on="twin", maintain_order="left"
    )
    known, newly = pupils["sourcedId"], arrivals["sourcedId"]
    begun = pl.concat(
        [
            pl.DataFrame({"user": known.gather(seeking[found >= 0]), "class": found[found >= 0]}),
            pl.DataFrame({"user": newly.gather(copy["new"]), "class": copy["class"]}),
        ]
    ).with_columns(role=pl.lit("student"), primary=pl.lit(None, pl.String))
    fresh = bundle.enrollments(dice.guids("enrollment", begun.height), begun, old.classes, old.sessions)

    changed = staying[: _share(students * rate / 2)]
    pupil_rows = pupils["row"]
    rows = _put(users, pupil_rows.gather(changed).to_numpy(), _altered(dice, pupils[changed], pupils))
    rows = rows.filter(~pl.col("row").is_in(pupil_rows.gather(leavers).implode())).drop("row")
    people = _without_childless(pl.concat([rows, arrivals, guardians]), old.users)
    return replace(
        old,
        users=bundle.orgs_of_guardians(people),
        enrollments=pl.concat([kept, fresh]),
        classes=_other_classes(dice, old.classes, _share(classes * rate)),
    )


def _share(exact: float) -> int:
    return int(exact + 0.5)


def _put(frame: pl.DataFrame, rows: Ints | list[int], values: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with the columns of `values` written over the given rows."""
    return frame.with_columns(frame[column].scatter(rows, values[column]) for column in values.columns)


def _free_classes(dice: Dice, seekers: Ints, who: Ints, where: Ints, classes: pl.DataFrame) -> Ints:
    """Return for each seeker a class that the student is not in, of the same school and rather of the same grades; or -1."""
    count = classes.height
    taken = np.sort(who * count + where)
    first = np.zeros(int(who.max()) + 1, dtype=np.int64)
    first[who[::-1]] = where[::-1]
    result = np.full(len(seekers), -1, dtype=np.int64)
    for columns in (["schoolSourcedId", "grades"], ["schoolSourcedId"]):
        key = pl.concat_str(columns, separator="|", ignore_nulls=True)
        group = classes.select(key.rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
        members = np.argsort(group, kind="stable")
        sizes = np.bincount(group)
        # A few rounds of rolling for all who have none yet; nearly all find one in the first.
        for turn in range(8):
            seeking = np.flatnonzero(result < 0)
            at = group[first[seekers[seeking]]]
            pick = members[names.starts(sizes)[at] + dice.below(f"{columns} {turn}", len(seeking), sizes[at])]
            code = seekers[seeking] * count + pick
            good = np.zeros(len(seeking), dtype=bool)
            good[np.unique(code, return_index=True)[1]] = True
            good &= taken[np.searchsorted(taken[:-1], code)] != code
            result[seeking[good]] = pick[good]
            taken = np.sort(np.concatenate([taken, code[good]]), kind="stable")
    return result


def _arrivals(dice: Dice, twins: pl.DataFrame, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    numbers = np.arange(number, number + twins.height)
    family = dice.below("arriving family", twins.height, len(names.FAMILIES))
    guardians, agents = names.guardians(dice, numbers, family)
    domains = twins["email"].str.split("@").list.last()
    school = twins["orgSourcedIds"].str.split(",").list.first()
    return names.students(dice, numbers, names.FAMILIES.gather(family), school, twins["grades"], agents, domains), guardians


def _altered(dice: Dice, rows: pl.DataFrame, pupils: pl.DataFrame) -> pl.DataFrame:
    """Return what may change of these rows, with one thing changed in each: an email, a surname, a middle name or a grade."""
    roll = pl.Series(dice.below("what changes", rows.height, 100))
    domain = pl.col("email").str.split("@").list.last()
    rows = rows.join(_neighbours(pupils), on=["orgSourcedIds", "grades"], how="left", maintain_order="left").with_columns(
        tag=pl.Series(100_000 + dice.below("new address", rows.height, 900_000)),
        surname=_other(dice, "surname", names.FAMILIES, rows["familyName"]),
        middle=_other(dice, "middle", names.GIVENS, rows["middleName"]),
    )
    regraded = (roll >= 90) & (rows["other_grade"] != rows["grades"])
    mail, married = roll < 45, (roll >= 45) & (roll < 70)
    renamed = ~mail & ~married & ~regraded
    rows = rows.with_columns(
        familyName=pl.when(married).then("surname").otherwise("familyName"),
        middleName=pl.when(renamed).then("middle").otherwise("middleName"),
        grades=pl.when(regraded).then("other_grade").otherwise("grades"),
        username=pl.when(married)
        .then(names.username(pl.col("username"), pl.col("surname"), pl.col("identifier")))
        .otherwise("username"),
    )
    email = (
        pl.when(mail)
        .then(pl.format("{}.{}@{}", "username", "tag", domain))
        .when(married)
        .then(pl.format("{}@{}", "username", domain))
        .otherwise("email")
    )
    return rows.select("familyName", "middleName", "grades", "username", email.alias("email"))


def _other(dice: Dice, stream: str, choices: pl.Series, now: pl.Series) -> pl.Series:
    """Return for each value another one of the choices."""
    pick = dice.below(stream, len(now), len(choices))
    one, two = choices.gather(pick), choices.gather((pick + 1) % len(choices))
    return one.zip_with(one.ne_missing(now), two)


def _neighbours(pupils: pl.DataFrame) -> pl.DataFrame:
    """Return for each school and grade the next grade that the school has; for its last one, the one before."""
    there = pupils.select("orgSourcedIds", "grades", order=pl.col("grades").replace("KG", "00")).unique()
    there = there.sort("orgSourcedIds", "order")
    after, before = (pl.col("grades").shift(by).over("orgSourcedIds") for by in (-1, 1))
    return there.select("orgSourcedIds", "grades", other_grade=pl.coalesce(after, before, "grades"))


def _other_classes(dice: Dice, classes: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return the classes, so many of them in another room or under another title."""
    chosen = dice.order("classes", classes.height)[:count]
    moved, renamed = chosen[: count // 2], chosen[count // 2 :]
    rooms = pl.Series([f"Room {number}" for number in range(101, 281)])
    labels = pl.Series([f" ({label})" for label in names.LABELS])
    title = classes["title"].gather(renamed)
    label = _other(dice, "label", labels, title.str.extract(r"( \([^)]*\))$"))
    classes = _put(classes, moved, pl.DataFrame({"location": _other(dice, "room", rooms, classes["location"].gather(moved))}))
    return _put(classes, renamed, pl.DataFrame({"title": title.str.replace(r" \([^)]*\)$", "") + label}))


def _without_childless(users: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return `users` without those guardians who had a child before and have none now."""
    had, have = (frame["agentSourcedIds"].drop_nulls().str.split(",").explode().unique() for frame in (before, users))
    orphaned = had.filter(~had.is_in(have.implode()))
    return users.filter(~pl.col("sourcedId").is_in(orphaned.implode()))


def write_without(folder: Path, new: Path, *, school: str | None = None, share: float = 0.5) -> Summary:
    """Write the bundle as if its source had lost a share of one school's students; return what changed.

    Shape: their enrollments go, and guardians who have no other child. `school` is an id or a name; without it, the largest
        elementary school. The missing ones are spread evenly over the school's rows.
    Units: `share` 0 to 1.
    Errors: ConfigError for another share; NotFound, naming the schools, if there is no such school.
    """
    if not 0 <= share <= 1:
        raise ConfigError(fields={"share": f"{share} is not between 0 and 1"})
    old = bundle.read(folder)
    student = pl.col("role") == "student"
    first = pl.col("orgSourcedIds").str.split(",").list.first()
    if school is None:
        sizes = old.users.filter(student).group_by(first.alias("sourcedId"), maintain_order=True).len()
        ranked = old.orgs.join(sizes, on="sourcedId", maintain_order="left").sort(
            pl.col("name").str.contains("Elementary"), "len", descending=True, maintain_order=True
        )
        chosen = ranked["sourcedId"][0]
    else:
        found = old.orgs.filter((pl.col("sourcedId") == school) | (pl.col("name") == school))["sourcedId"]
        if found.is_empty():
            known = ", ".join(old.orgs.filter(pl.col("type") == "school")["name"])
            raise NotFound(f"There is no school '{school}' in {folder}. Known: {known}")
        chosen = found[0]
    pupils = old.users.filter(student & (first == chosen))["sourcedId"]
    place = np.arange(len(pupils) + 1) * _share(len(pupils) * share) // max(1, len(pupils))
    lost = pupils.filter(pl.Series(np.diff(place) == 1)).implode()
    users = _without_childless(old.users.filter(~pl.col("sourcedId").is_in(lost)), old.users)
    made = replace(
        old,
        users=bundle.orgs_of_guardians(users),
        enrollments=old.enrollments.filter(~pl.col("userSourcedId").is_in(lost)),
    )
    return made.summary(made.write(new), old)


def write_shuffled(folder: Path, new: Path, *, seed: int = 3) -> Summary:
    """Write the same rows in another order: a night on which nothing changed, though every file differs."""
    form = bundle.form_of(folder)
    new.mkdir(parents=True, exist_ok=True)
    manifest = (folder / "manifest.csv").read_bytes()
    for name in bundle.HEADERS[form]:
        # One column of whole lines: the bytes of every row stay exactly as they are.
        lines = pl.read_csv(folder / f"{name}.csv", has_header=False, separator="\x1f", quote_char=None, infer_schema=False)
        order = Dice(seed).order(name, lines.height - 1) + 1
        shuffled = lines[np.concatenate([np.zeros(1, dtype=np.int64), order])]
        shuffled.write_csv(new / f"{name}.csv", include_header=False, separator="\x1f", quote_style="never", line_terminator="\n")
    (new / "manifest.csv").write_bytes(manifest)
    made = bundle.read(new)
    return made.summary(made.files(), bundle.read(folder))


# Faults of one cell: kind, file, level, column, what stands there instead, what it means.
_CELLS = (
    ("required_value", "users", Level.ERROR, "familyName", None, "a person without a family name"),
    ("unknown_guardian", "users", Level.ERROR, "agentSourcedIds", "no-such-guardian", "a guardian who is not in the file"),
    ("boolean_form", "users", Level.NOTE, "enabledUser", "TRUE", "true in capitals"),
    ("grade_form", "users", Level.NOTE, "grades", "5", "a grade whose zero a spreadsheet program ate"),
    ("user_ids_form", "users", Level.NOTE, "userIds", "88214", "an id without its type"),
    ("bulk_status", "users", Level.NOTE, "status", "active", "a status in a complete export"),
    ("unknown_class", "enrollments", Level.ERROR, "classSourcedId", "no-such-class", "a class that is not in the file"),
    ("unknown_user", "enrollments", Level.ERROR, "userSourcedId", "no-such-user", "a person who is not in the file"),
    ("impossible_date", "enrollments", Level.ERROR, "beginDate", "2027-02-30", "a day that the calendar does not have"),
    ("ends_before_it_begins", "enrollments", Level.ERROR, "endDate", "2026-08-01", "an end before the beginning"),
    ("role_in_class_differs", "enrollments", Level.WARNING, "role", "teacher", "a student who teaches"),
    ("enum_case", "classes", Level.NOTE, "classType", "Scheduled", "a word of the vocabulary with a capital"),
    ("list_spaces", "classes", Level.NOTE, "termSourcedIds", "s1, s2", "a space inside a list"),
    ("codes_do_not_match", "courses", Level.WARNING, "subjects", "Science,Laboratory,Biology", "more subjects than codes"),
)


def with_faults(frames: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], list[Fault]]:
    """Return the frames with a few rows spoilt in each of the ways in which real exports go wrong, and the list of them.

    Needs: 100 students, so that no row has two faults.
    """
    frames = dict(frames)
    seats = frames["enrollments"].with_row_index("seat").filter(pl.col("role") == "student")
    pupils = frames["users"].with_row_index("row").filter(pl.col("grades").is_not_null())
    pupils = pupils.join(
        seats.unique("userSourcedId", keep="last").select("userSourcedId", "seat"),
        left_on="sourcedId",
        right_on="userSourcedId",
        maintain_order="left",
    ).gather_every(pupils.height // 50)
    # Rows are taken from the front of these, three for each kind of fault.
    rows = {name: list(range(1, frame.height, max(1, frame.height // 12))) for name, frame in frames.items()}
    rows |= {"users": pupils["row"].to_list(), "enrollments": pupils["seat"].to_list()}

    def take(file: str, count: int = 3) -> list[int]:
        taken = rows[file][:count]
        for name in ("users", "enrollments") if file in ("users", "enrollments") else (file,):
            rows[name] = rows[name][count:]
        return taken

    planted = []
    for kind, file, level, column, value, means in _CELLS:
        at = take(file)
        frames[file] = _put(frames[file], at, pl.DataFrame({column: [value] * len(at)}, schema={column: pl.String}))
        planted.append(Fault(kind, file, level, tuple(frames[file]["sourcedId"].gather(at)), means))

    for column in ("email", "username"):
        at, others = take("users", 2), take("users", 2)
        same = frames["users"][column].gather(others).str.to_uppercase()
        frames["users"] = _put(frames["users"], at, same.to_frame(column))
        ids = tuple(frames["users"]["sourcedId"].gather([*at, *others]))
        planted.append(Fault(f"{column}_used_twice", "users", Level.WARNING, ids, f"the {column} of another person, in capitals"))

    once, twice = (frames["users"][take("users", 2)] for _ in range(2))
    frames["users"] = pl.concat([frames["users"], once, twice.with_columns(givenName=pl.lit("Somebody"))])
    planted.append(Fault("identical_rows", "users", Level.NOTE, tuple(once["sourcedId"]), "the same row twice"))
    planted.append(Fault("id_twice", "users", Level.ERROR, tuple(twice["sourcedId"]), "two different rows with one id"))

    held = "roles" if "roles" in frames else "users"
    aides = frames[held].with_row_index("row").filter(pl.col("role") == "aide").tail(2)
    frames[held] = _put(frames[held], aides["row"].to_list(), pl.DataFrame({"role": ["substitute"] * 2}))
    planted.append(Fault("unknown_role", held, Level.ERROR, tuple(aides["sourcedId"]), "a role that OneRoster does not have"))

    enrollments = frames["enrollments"]
    idle = frames["users"]["sourcedId"].gather(take("users", 2))
    bare = frames["classes"]["sourcedId"].gather(take("classes", 2))
    leave = pl.col("userSourcedId").is_in(idle.implode())
    untaught = pl.col("classSourcedId").is_in(bare.implode()) & (pl.col("role") == "teacher")
    frames["enrollments"] = enrollments.filter(~leave & ~untaught)
    planted.append(Fault("student_without_class", "users", Level.WARNING, tuple(idle), "a student in no class"))
    planted.append(Fault("class_without_teacher", "classes", Level.WARNING, tuple(bare), "a class that nobody teaches"))
    return frames, planted


def spoil(folder: Path) -> tuple[Fault, ...]:
    """Plant the faults that no table can hold, but only text; return the list of them."""
    manifest = folder / "manifest.csv"
    manifest.write_bytes(manifest.read_bytes().replace(b"manifest.version,1.0\n", b"manifest.version,1\n"))
    orgs = folder / "orgs.csv"
    orgs.write_bytes(b"\xef\xbb\xbf" + orgs.read_bytes())
    with (folder / "enrollments.csv").open("ab") as file:
        file.write(b"short-1,,,CL10001\nshort-2,,,CL10001\n")
    return (
        Fault("manifest_version", "manifest", Level.NOTE, (), "1 for 1.0, as a spreadsheet program writes it"),
        Fault("byte_order_mark", "orgs", Level.NOTE, (), "a byte-order mark at the beginning"),
        Fault("too_few_cells", "enrollments", Level.ERROR, ("short-1", "short-2"), "lines that end too early"),
    )
