"""Columns on disk: how rows are hashed, and how a Parquet file comes to be whole or not at all."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh

#: Raise it when `row_hash` changes its mind about any row; hashes of another version count as unknown.
HASH_VERSION = 1

# Control characters never get past a connector, so these two cannot be part of a value.
BETWEEN, NOTHING = "\x1f", "\x1e"

Hashes = npt.NDArray[np.uint64]


def row_hash(columns: Sequence[str]) -> pl.Expr:
    """Hash one row over its columns, in their order, to 64 bits that are the same on every machine and version.

    Units: null and "" differ. The chance that one changed row passes for an unchanged one is 2^-64.
    """
    return plh.concat_str(*[pl.col(name).fill_null(NOTHING) for name in columns], separator=BETWEEN).nchash.xxhash64()


def digest(frame: pl.LazyFrame) -> str:
    """Digest all rows of a frame, whatever their order: for what people's decisions are bound to.

    Units: hexadecimal SHA-256 over the sorted 128-bit hashes of the rows.
    """
    columns = frame.collect_schema().names()
    whole = plh.concat_str(*[pl.col(name).cast(pl.String).fill_null(NOTHING) for name in columns], separator=BETWEEN)
    two = frame.select(a=whole.nchash.xxhash64(), b=whole.nchash.xxh3_64()).collect(engine="streaming").sort("a", "b")
    seal = hashlib.sha256(repr(columns).encode())
    seal.update(two["a"].to_numpy().tobytes())
    seal.update(two["b"].to_numpy().tobytes())
    return seal.hexdigest()


def keep(frame: pl.LazyFrame, path: Path, *beside: tuple[pl.LazyFrame, Path]) -> Path:
    """Write a frame to a Parquet file that has its name only once it is whole.

    Shape: streams; memory does not grow with the number of rows. Frames beside it that read the same file share one pass.
    """
    files = {file.with_suffix(".half"): (each, file) for each, file in ((frame, path), *beside)}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Packed tighter they would be a tenth smaller and take twice as long to write. Hashes have no ranges worth noting.
    manner: dict[str, Any] = {"compression": "uncompressed", "statistics": False, "maintain_order": True}
    sinks = [each.sink_parquet(half, lazy=True, **manner) for half, (each, _) in files.items()]
    pl.collect_all(sinks, engine="streaming")
    for half, (_, file) in files.items():
        os.replace(half, file)
    return path


def same_file(old: Path, new: Path) -> None:
    """Give a file a second name, by a link where the disk has them, else by a copy."""
    new.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    try:
        os.link(old, new)
    except OSError:
        half = new.with_suffix(".half")
        half.write_bytes(old.read_bytes())
        os.replace(half, new)


def missing(wanted: Hashes, among: Hashes) -> npt.NDArray[np.bool_]:
    """Mark those of `wanted` that are not in `among`.

    Needs: both sorted. Then the search walks memory in order, which is what makes ten million rows cheap.
    """
    if not len(among):
        return np.ones(len(wanted), bool)
    if np.array_equal(wanted, among):
        return np.zeros(len(wanted), bool)
    place = np.searchsorted(among, wanted)
    place[place == len(among)] = 0
    mask: npt.NDArray[np.bool_] = among[place] != wanted
    return mask


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
