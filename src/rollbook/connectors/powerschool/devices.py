"""What the students' devices ask of each student: an address on Chromebooks, a username on anything else."""

import polars as pl

#: The answer, as it is kept, and its words for people.
DEVICES = {
    "chromebooks": "Only Chromebooks",
    "none": "No Chromebooks",
    "mix": "Mix of Chromebooks and non-Chromebooks",
}

#: What a student signs in with, by the answer.
NEEDED = {"chromebooks": ("email",), "none": ("username",), "mix": ("email", "username")}


def judge_devices(students: pl.DataFrame, devices: str) -> dict[str, int]:
    """Count the students who could not sign in on these devices, by the rule that an import tells it by.

    Shape: `students` has `email` and `username`, a row for each active student of the roster.
    """
    counts = {"students": students.height}
    for column in NEEDED[devices]:
        value = students[column].str.to_lowercase()
        counts[f"student_without_{column}"] = value.null_count()
        counts[f"{column}_used_twice"] = int(value.drop_nulls().is_duplicated().sum())
    return counts
