"""Breaks a package in one way or several, the way that programs, people and networks do; each is told in a sentence."""

import random
from collections.abc import Callable
from pathlib import Path

Break = Callable[[Path, random.Random], str]


def a_file(folder: Path, dice: random.Random) -> Path:
    return dice.choice(sorted(folder.glob("*.csv")))


def rows_file(folder: Path, dice: random.Random) -> Path:
    return dice.choice([path for path in sorted(folder.glob("*.csv")) if path.stem != "manifest"])


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")


def put(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"\n".join(lines))


def flip_bytes(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    text = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 1, 3, 20))):
        if text:
            text[dice.randrange(len(text))] = dice.randrange(256)
    path.write_bytes(bytes(text))
    return f"bytes of {path.name} flipped"


def flip_letters(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    text = bytearray(path.read_bytes())
    for _ in range(dice.choice((1, 3, 10))):
        if text:
            text[dice.randrange(len(text))] = dice.choice(b'abcxyz019,,,"" -|;\n\r\t./')
    path.write_bytes(bytes(text))
    return f"letters of {path.name} flipped"


def cut_lines(folder: Path, dice: random.Random) -> str:
    path = rows_file(folder, dice)
    lines = lines_of(path)
    for _ in range(dice.choice((1, 2, 5))):
        if len(lines) > 1:
            del lines[dice.randrange(len(lines))]
    put(path, lines)
    return f"lines of {path.name} cut"


def double_lines(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    lines = lines_of(path)
    at = dice.randrange(len(lines))
    lines.insert(dice.randrange(len(lines)), lines[at])
    put(path, lines)
    return f"line {at + 1} of {path.name} doubled"


def merge_lines(folder: Path, dice: random.Random) -> str:
    path = rows_file(folder, dice)
    lines = lines_of(path)
    at = dice.randrange(max(1, len(lines) - 1))
    lines[at : at + 2] = [dice.choice((b"", b",", b" ")).join(lines[at : at + 2])]
    put(path, lines)
    return f"lines {at + 1} and {at + 2} of {path.name} merged"


def swap_lines(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    lines = lines_of(path)
    one, two = (dice.randrange(len(lines)) for _ in range(2))
    lines[one], lines[two] = lines[two], lines[one]
    put(path, lines)
    return f"lines {one + 1} and {two + 1} of {path.name} swapped"


def cells(path: Path) -> list[list[bytes]]:
    return [line.split(b",") for line in path.read_bytes().split(b"\n")]


def put_cells(path: Path, table: list[list[bytes]]) -> None:
    put(path, [b",".join(row) for row in table])


def move_column(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    table = cells(path)
    one, two = dice.randrange(len(table[0])), dice.randrange(len(table[0]))
    for row in table:
        if max(one, two) < len(row):
            row.insert(two, row.pop(one))
    put_cells(path, table)
    return f"column {one + 1} of {path.name} moved to {two + 1}"


def remove_column(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    table = cells(path)
    one = dice.randrange(len(table[0]))
    for row in table:
        if one < len(row):
            del row[one]
    put_cells(path, table)
    return f"column {one + 1} of {path.name} removed"


def rename_column(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    table = cells(path)
    one = dice.randrange(len(table[0]))
    was = table[0][one]
    table[0][one] = dice.choice((b"", b"sourcedId", b"Name", was.upper(), b" " + was + b" ", was + b"s", b"metadata.x", b"grade"))
    put_cells(path, table)
    return f"heading {was.decode(errors='replace')} of {path.name} renamed to {table[0][one].decode(errors='replace')!r}"


def double_column(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    table = cells(path)
    one = dice.randrange(len(table[0]))
    for row in table:
        if one < len(row):
            row.append(row[one])
    put_cells(path, table)
    return f"column {one + 1} of {path.name} doubled"


def insert_quotes(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    text = path.read_bytes()
    for _ in range(dice.choice((1, 2, 2, 4))):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice((b'"', b'""', b'",', b',"')) + text[at:]
    path.write_bytes(text)
    return f"quotes put into {path.name}"


def encode(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    form = dice.choice(("utf-16", "utf-16-le", "cp1252", "utf-8-sig", "latin-1", "mac-roman", "cp437"))
    text = path.read_bytes().decode(errors="replace").replace("Zo", "Zoë", 1).replace("Class", "Kläss", 2)
    path.write_bytes(text.encode(form, errors="replace"))
    return f"{path.name} written in {form}"


def line_ends(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    end = dice.choice((b"\r\n", b"\r", b"\n\n", b"\r\r\n", b",\n", b"\x0b"))
    path.write_bytes(path.read_bytes().replace(b"\n", end))
    return f"lines of {path.name} end in {end!r}"


def swap_values(folder: Path, dice: random.Random) -> str:
    path = rows_file(folder, dice)
    table = cells(path)
    one, two = dice.randrange(1, max(2, len(table) - 1)), dice.randrange(1, max(2, len(table) - 1))
    column = dice.randrange(len(table[0]))
    if one < len(table) and two < len(table) and column < min(len(table[one]), len(table[two])):
        table[one][column], table[two][column] = table[two][column], table[one][column]
    put_cells(path, table)
    return f"values of column {column + 1} in lines {one + 1} and {two + 1} of {path.name} swapped"


ODD = (
    "TRUE|Yes|0|9/1/2026|2026-13-45|2026-09-01T08:00:00Z|k1,k2|k1;k2|a\\b|nowhere| p1 |P1|0p1|\u00a0|\ufeff|\ufffd|\x00|\x1f|"
    "'|=1+1|null|NULL|Student|wizard|ext:x|{a:b}|2027|99999|-1|tobedeleted|active|\U0001f600|d1,s1|s1,s1|,"
)


def odd_value(folder: Path, dice: random.Random) -> str:
    path = rows_file(folder, dice)
    table = cells(path)
    value = dice.choice([*ODD.split("|"), "|", "x" * 300, ""])
    said = []
    for _ in range(dice.choice((1, 1, 2, 6))):
        line, column = dice.randrange(1, max(2, len(table) - 1)), dice.randrange(len(table[0]))
        if line < len(table) and column < len(table[line]):
            quote = '"' if dice.random() < 0.5 else ""
            table[line][column] = f"{quote}{value}{quote}".encode()
            said.append(f"{line + 1}/{column + 1}")
    put_cells(path, table)
    return f"{value[:20]!r} put into {path.name} at {', '.join(said)}"


def whole_column(folder: Path, dice: random.Random) -> str:
    path = rows_file(folder, dice)
    table = cells(path)
    column = dice.randrange(len(table[0]))
    value = dice.choice(("", "x", "TRUE", "9/1/2026", "k1", "s1", "p1", "ACTIVE", " "))
    for row in table[1:]:
        if column < len(row) and len(row) > 1:
            row[column] = value.encode()
    put_cells(path, table)
    return f"column {column + 1} of {path.name} is {value!r} everywhere"


def truncate(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    text = path.read_bytes()
    path.write_bytes(text[: dice.randrange(len(text) + 1)])
    return f"{path.name} cut to {path.stat().st_size} bytes"


def empty(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    path.write_bytes(dice.choice((b"", path.read_bytes().split(b"\n")[0] + b"\n", b"\n\n\n", b"\xef\xbb\xbf")))
    return f"{path.name} emptied"


def remove_file(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    path.unlink()
    return f"{path.name} removed"


def rename_file(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    new = dice.choice(
        (path.name.upper(), path.stem.title() + ".csv", path.stem + ".txt", "users.csv", "sub/" + path.name, "~$" + path.name)
    )
    target = folder / new
    target.parent.mkdir(exist_ok=True)
    path.rename(target)
    return f"{path.name} renamed to {new}"


def manifest_changed(folder: Path, dice: random.Random) -> str:
    path = folder / "manifest.csv"
    if not path.exists():
        return "no manifest to change"
    lines = lines_of(path)
    at = dice.randrange(1, max(2, len(lines) - 1))
    if at < len(lines):
        name, _, _ = lines[at].partition(b",")
        lines[at] = (
            name + b"," + dice.choice((b"absent", b"bulk", b"delta", b"", b"BULK", b"1.1", b"1.2", b"1", b"replace", b"2.0"))
        )
    put(path, lines)
    return f"manifest line {at + 1} is now {lines[min(at, len(lines) - 1)].decode(errors='replace')}"


def other_kind(folder: Path, dice: random.Random) -> str:
    path = a_file(folder, dice)
    path.write_bytes(
        dice.choice((b"%PDF-1.7", b"PK\x03\x04", b"<html>", b"\x00" * 100, b"a,b\n" * 3, b"{}", b";".join([b"a"] * 9) + b"\n"))
    )
    return f"{path.name} is of another kind"


def copy_over(folder: Path, dice: random.Random) -> str:
    one, two = a_file(folder, dice), a_file(folder, dice)
    two.write_bytes(one.read_bytes())
    return f"{two.name} is a copy of {one.name}"


def reorder(folder: Path, dice: random.Random) -> str:
    path = rows_file(folder, dice)
    head, *lines = [line for line in lines_of(path) if line]
    dice.shuffle(lines)
    put(path, [head, *lines, b""])
    return f"rows of {path.name} in another order"


BREAKS: tuple[Break, ...] = (
    flip_bytes,
    flip_letters,
    flip_letters,
    cut_lines,
    cut_lines,
    double_lines,
    merge_lines,
    swap_lines,
    move_column,
    remove_column,
    rename_column,
    double_column,
    insert_quotes,
    encode,
    line_ends,
    swap_values,
    swap_values,
    odd_value,
    odd_value,
    odd_value,
    whole_column,
    truncate,
    empty,
    remove_file,
    rename_file,
    manifest_changed,
    other_kind,
    copy_over,
    reorder,
)


def broken(folder: Path, dice: random.Random) -> list[str]:
    """Break a package in one to three ways; say which."""
    done = []
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        if list(folder.glob("*.csv")) and [path for path in folder.glob("*.csv") if path.stem != "manifest"]:
            done.append(dice.choice(BREAKS)(folder, dice))
    return done
