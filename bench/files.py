"""Writes the invented districts that are measured with, in a process of its own, so that the measuring one stays small."""

import json
import sys
from pathlib import Path

from rollbook.sandbox.district import write_district, write_next_day, write_shuffled

match sys.argv[1:]:
    case ["district", folder, students]:
        made = write_district(Path(folder), students=int(students))
        print(json.dumps({"rows": sum(made.rows.values())}))
    case ["next-day", folder, new, seed]:
        made = write_next_day(Path(folder), Path(new), seed=int(seed))
        print(json.dumps({"leavers": made.students.gone}))
    case ["shuffled", folder, new, seed]:
        write_shuffled(Path(folder), Path(new), seed=int(seed))
