"""The same rows through other tools: Django row by row, and dlt with Arrow tables."""

import csv
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

FILES = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments")
COLUMNS = {
    "section": "classSourcedId",
    "school": "schoolSourcedId",
    "person": "userSourcedId",
    "role": "role",
    "primary": "primary",
    "begin_date": "beginDate",
    "end_date": "endDate",
}


def django_loop(folder: Path, rows: int) -> None:
    """update_or_create for each of the first enrollments, into Rollbook's own table, in one transaction."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rollbook.server.settings")
    import django

    django.setup()
    from django.db import transaction

    from rollbook.store.models import Enrollment, Source

    source = Source.objects.get()
    with (folder / "enrollments.csv").open(newline="") as file, transaction.atomic():
        for row in islice(csv.DictReader(file), rows):
            values = {ours: row[theirs] or None for ours, theirs in COLUMNS.items()}
            Enrollment.objects.update_or_create(
                district_id=source.district_id,
                source=source,
                sourced_id=row["sourcedId"],
                defaults={**values, "status": "active", "last_run": 1, "changed_at": datetime.now(UTC)},
            )


def dlt_merge(folder: Path, address: str, state: Path) -> None:
    """All files as Arrow tables, merged by their key; called again, the same rows meet themselves."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    import dlt
    import pyarrow
    import pyarrow.csv

    def table(name: str) -> Iterator[pyarrow.Table]:
        path = folder / f"{name}.csv"
        with path.open() as file:
            header = next(csv.reader(file))
        text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(header, pyarrow.string()), strings_can_be_null=True)
        rows = pyarrow.csv.read_csv(path, convert_options=text)
        read[name] = rows.num_rows
        yield rows

    read: dict[str, int] = {}
    merge = {"disposition": "merge", "strategy": "upsert"}
    destination = dlt.destinations.postgres(address)
    pipeline = dlt.pipeline("bench", destination=destination, dataset_name="peer", pipelines_dir=str(state))
    pipeline.run([dlt.resource(table(name), name=name, primary_key="sourcedId", write_disposition=merge) for name in FILES])
    schema = pipeline.default_schema
    with pipeline.sql_client() as client:
        counts = [client.execute_sql(f"SELECT count(*) FROM {schema.naming.normalize_identifier(name)}") for name in FILES]
    assert [rows[0][0] for rows in counts] == [read[name] for name in FILES], "dlt left rows out: that is no comparison"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["django", folder, rows]:
            django_loop(Path(folder), int(rows))
        case ["dlt", folder, address, state]:
            dlt_merge(Path(folder), address, Path(state))
