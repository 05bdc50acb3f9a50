"""A OneRoster bundle in memory, one shape for both versions, and the way to its files and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from rollbook.domain.errors import ConfigError, SourceBroken
from rollbook.domain.findings import Level

FORMS = ("oneroster-1.1-csv", "oneroster-1.2-csv")

_LEAD = ("sourcedId", "status", "dateLastModified")
_ORGS = (*_LEAD, "name", "type", "identifier", "parentSourcedId")
_SESSIONS = (*_LEAD, "title", "type", "startDate", "endDate", "parentSourcedId", "schoolYear")
_COURSES = (*_LEAD, "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId", "subjects", "subjectCodes")
_CLASSES = (
    *(*_LEAD, "title", "grades", "courseSourcedId", "classCode", "classType", "location", "schoolSourcedId", "termSourcedIds"),
    *("subjects", "subjectCodes", "periods"),
)
_ENROLLMENTS = (*_LEAD, "classSourcedId", "schoolSourcedId", "userSourcedId", "role", "primary", "beginDate", "endDate")
_ABOUT = (
    *("username", "userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone"),
    *("agentSourcedIds", "grades", "password"),
)
_PREFERRED = ("preferredGivenName", "preferredMiddleName", "preferredFamilyName")
_USERS = (*_LEAD, "enabledUser", "orgSourcedIds", "role", *_ABOUT)
_ROLES = (*_LEAD, "userSourcedId", "roleType", "role", "beginDate", "endDate", "orgSourcedId", "userProfileSourcedId")
_SHARED = {"orgs": _ORGS, "academicSessions": _SESSIONS, "courses": _COURSES, "classes": _CLASSES, "enrollments": _ENROLLMENTS}

HEADERS: dict[str, dict[str, tuple[str, ...]]] = {
    "oneroster-1.1-csv": {**_SHARED, "users": _USERS},
    "oneroster-1.2-csv": {
        **_SHARED,
        "users": (*_LEAD, "enabledUser", *_ABOUT, "userMasterIdentifier", *_PREFERRED, "primaryOrgSourcedId", "pronouns"),
        "roles": _ROLES,
    },
}
_FILES_11 = (
    *("academicSessions", "categories", "classes", "classResources", "courses", "courseResources", "demographics", "enrollments"),
    *("lineItems", "orgs", "resources", "results", "users"),
)
_FILES_12 = (
    *("lineItemLearningObjectiveIds", "lineItemScoreScales", "resultLearningObjectiveIds", "resultScoreScales"),
    *("roles", "scoreScales", "userProfiles", "userResources"),
)
#: Lines of the manifest by which a bundle of the sandbox is known, and one into which no faults were planted.
_OURS, _WHOLE = "source.systemCode,rollbook-sandbox", "manifest.version,1.0"


@dataclass(frozen=True)
class Delta:
    """How many rows are new, changed and gone, compared by `sourcedId`."""

    new: int = 0
    changed: int = 0
    gone: int = 0


@dataclass(frozen=True)
class Fault:
    """One planted fault: where, in which rows, and how gravely it should be taken."""

    kind: str
    file: str
    level: Level
    sourced_ids: tuple[str, ...]
    means: str


@dataclass(frozen=True)
class Summary:
    """What was written, and how it differs from the bundle that it was made from.

    Shape: `rows` and `changes` by file without `.csv`, as in the files of this version (`roles` only in 1.2); `people` by
        OneRoster 1.1 role, before faults were planted. `changes` is empty and `students` zero where no bundle was before.
    """

    form: str
    rows: dict[str, int]
    people: dict[str, int]
    changes: dict[str, Delta] = field(default_factory=dict)
    students: Delta = Delta()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """All rows of a bundle. `users` has OneRoster 1.1's `orgSourcedIds` and `role`, and 1.2's preferred names."""

    form: str
    orgs: pl.DataFrame
    sessions: pl.DataFrame
    courses: pl.DataFrame
    classes: pl.DataFrame
    users: pl.DataFrame
    enrollments: pl.DataFrame

    def files(self) -> dict[str, pl.DataFrame]:
        """Return the frame of each file, with exactly the columns of this version, in their order."""
        frames = {
            "orgs": self.orgs,
            "academicSessions": self.sessions,
            "courses": self.courses,
            "classes": self.classes,
            "users": self.users,
            "enrollments": self.enrollments,
        }
        if self.form == "oneroster-1.2-csv":
            first = pl.col("orgSourcedIds").str.split(",").list.first()
            frames["users"] = self.users.with_columns(primaryOrgSourcedId=first)
            frames["roles"] = _roles(self.users, self.orgs)
        return {name: shaped(frame, HEADERS[self.form][name]) for name, frame in frames.items()}

    def write(self, folder: Path) -> dict[str, pl.DataFrame]:
        """Write every file with its manifest into the folder; return the frames as written."""
        frames = self.files()
        write_frames(folder, self.form, frames)
        return frames

    def summary(self, frames: Mapping[str, pl.DataFrame], before: "Bundle | None" = None) -> Summary:
        """Count the rows that were written and, if there was a bundle before, what has changed since."""
        told = Summary(
            self.form,
            {name: frame.height for name, frame in frames.items()},
            dict(self.users.group_by("role").len().sort("role").iter_rows()),
        )
        if before is None:
            return told
        old = before.files()
        changes = {name: _delta(old[name], frame) for name, frame in frames.items()}
        student = pl.col("role") == "student"
        return replace(told, changes=changes, students=_delta(before.users.filter(student), self.users.filter(student)))


def check_form(form: str) -> None:
    """Raises ConfigError if the sandbox cannot write this format."""
    if form not in FORMS:
        raise ConfigError(fields={"format": f"'{form}' is not one of {', '.join(FORMS)}"})


def shaped(frame: pl.DataFrame, header: tuple[str, ...]) -> pl.DataFrame:
    """Return the frame as text with exactly these columns; those that it lacks are empty."""
    missing = [pl.lit(None, pl.String).alias(name) for name in header if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(header).cast(pl.String))


def write_frames(folder: Path, form: str, frames: Mapping[str, pl.DataFrame]) -> None:
    """Write the frames as CSV with LF and minimal quoting, and the manifest that announces them as bulk.

    Errors: ConfigError if the folder holds anything that this module has not written, or cannot be written to.
    """
    try:
        _clear(folder)
        for name, frame in frames.items():
            frame.write_csv(folder / f"{name}.csv", quote_style="necessary", line_terminator="\n")
        (folder / "manifest.csv").write_bytes(_manifest(form, frames))
    except OSError as error:
        raise ConfigError(fields={"folder": f"{folder} cannot be written to: {error.strerror or error}"}) from error


def _clear(folder: Path) -> None:
    """Make the folder, or take one that holds an earlier bundle of the sandbox."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.csv"
    if any(folder.iterdir()) and not (manifest.is_file() and _OURS in manifest.read_text("utf-8", "replace").splitlines()):
        raise ConfigError(fields={"folder": f"{folder} holds something else than a district of the sandbox; name a new folder"})
    (folder / "roles.csv").unlink(missing_ok=True)  # of a 1.2 bundle that lay here before


def _manifest(form: str, frames: Mapping[str, pl.DataFrame]) -> bytes:
    kinds = (*_FILES_11, *_FILES_12) if form == "oneroster-1.2-csv" else _FILES_11
    lines = ["propertyName,value", _WHOLE, f"oneroster.version,{form.split('-')[1]}"]
    lines += [f"file.{name},{'bulk' if name in frames else 'absent'}" for name in kinds]
    lines += ["source.systemName,Rollbook sandbox", _OURS]
    return ("\n".join(lines) + "\n").encode()


def form_of(folder: Path) -> str:
    """Return the format that the folder's manifest announces. Raises SourceBroken if it is not one of ours."""
    path = folder / "manifest.csv"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    form = next((f"oneroster-{line.partition(',')[2]}-csv" for line in lines if line.startswith("oneroster.version,")), "")
    if form not in FORMS:
        raise SourceBroken(f"{path}: this is not a bundle that `rollbook sandbox district` wrote")
    return form


def read(folder: Path) -> Bundle:
    """Read a bundle that this module wrote. Raises SourceBroken if the folder holds none, ConfigError if faults are planted."""
    form = form_of(folder)
    if _WHOLE not in (folder / "manifest.csv").read_text("utf-8").splitlines():
        raise ConfigError(fields={"folder": f"{folder} was written with --faults; name a district without"})
    frames = {name: pl.read_csv(folder / f"{name}.csv", infer_schema=False) for name in HEADERS[form]}
    users = frames["users"]
    if form == "oneroster-1.2-csv":
        held = (
            frames["roles"]
            .join(
                users.select("sourcedId", "primaryOrgSourcedId"),
                left_on="userSourcedId",
                right_on="sourcedId",
                maintain_order="left",
            )
            # The main school first, in whatever order the rows of roles.csv stand.
            .sort(pl.col("orgSourcedId") != pl.col("primaryOrgSourcedId"), maintain_order=True)
            .group_by("userSourcedId", maintain_order=True)
            .agg(
                pl.col("orgSourcedId").str.join(",").alias("orgSourcedIds"),
                pl.col("role").first().replace({"siteAdministrator": "administrator", "districtAdministrator": "administrator"}),
            )
        )
        users = users.join(held, left_on="sourcedId", right_on="userSourcedId", how="left", maintain_order="left")
    return Bundle(
        form,
        frames["orgs"],
        frames["academicSessions"],
        frames["courses"],
        frames["classes"],
        shaped(users, (*_USERS, *_PREFERRED)),
        frames["enrollments"],
    )


def people(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows of people with every column that a Bundle's `users` has; those not given are empty."""
    return shaped(frame, (*_USERS, *_PREFERRED))


def enrollments(ids: pl.Series, who: pl.DataFrame, classes: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each `user`, `class` (its place in the classes), `role` and `primary`, for as long as the class lasts."""
    spans = classes.select("sourcedId", "schoolSourcedId", *span(sessions))
    rows = spans[who["class"]].select(
        ids.alias("sourcedId"),
        pl.col("sourcedId").alias("classSourcedId"),
        "schoolSourcedId",
        who["user"].alias("userSourcedId"),
        who["role"],
        who["primary"],
        "beginDate",
        "endDate",
    )
    return shaped(rows, _ENROLLMENTS)


def span(sessions: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Return the first day of a class and the day after its last, from its terms."""
    begin, end = (dict(zip(sessions["sourcedId"], sessions[column], strict=True)) for column in ("startDate", "endDate"))
    terms = pl.col("termSourcedIds").str.split(",")
    return (
        terms.list.first().replace_strict(begin, return_dtype=pl.String).alias("beginDate"),
        terms.list.last().replace_strict(end, return_dtype=pl.String).alias("endDate"),
    )


def orgs_of_guardians(users: pl.DataFrame) -> pl.DataFrame:
    """Return `users` with every guardian at the schools of the children that stand there; other rows stay as they are."""
    children = users.select(
        pl.col("agentSourcedIds").str.split(",").alias("sourcedId"),
        pl.col("orgSourcedIds").str.split(",").list.first().alias("schools"),
    ).drop_nulls()
    held = (
        children.explode("sourcedId")
        .group_by("sourcedId", maintain_order=True)
        .agg(pl.col("schools").unique(maintain_order=True).str.join(","))
    )
    return (
        users.join(held, on="sourcedId", how="left", maintain_order="left")
        .with_columns(orgSourcedIds=pl.coalesce("schools", "orgSourcedIds"))
        .drop("schools")
    )


def _roles(users: pl.DataFrame, orgs: pl.DataFrame) -> pl.DataFrame:
    of_district = orgs.filter(pl.col("type") == "district")["sourcedId"].implode()
    held = users.select(
        pl.col("sourcedId").alias("userSourcedId"), "role", pl.col("orgSourcedIds").str.split(",").alias("orgSourcedId")
    ).explode("orgSourcedId")
    administrator = (
        pl.when(pl.col("orgSourcedId").is_in(of_district))
        .then(pl.lit("districtAdministrator"))
        .otherwise(pl.lit("siteAdministrator"))
    )
    return held.with_columns(
        sourcedId=pl.concat_str("userSourcedId", "orgSourcedId", separator="."),
        roleType=pl.lit("primary"),
        role=pl.when(pl.col("role") == "administrator").then(administrator).otherwise("role"),
    )


def _delta(old: pl.DataFrame, new: pl.DataFrame) -> Delta:
    before, after = (frame.select("sourcedId", hash=pl.struct(pl.all()).hash()) for frame in (old, new))
    # Only the few rows that differ are compared by their ids.
    came = after.join(before, on="hash", how="anti")["sourcedId"]
    went = before.join(after, on="hash", how="anti")["sourcedId"]
    changed = int(came.is_in(went.implode()).sum())
    return Delta(len(came) - changed, changed, len(went) - changed)
