"""The fear that a cell which one download keeps from being a formula is one in the next."""

import polars as pl

from rollbook.lib.cells import BEGINS, DANGEROUS, cell

CELLS = [*(f"{begin}1" for begin in DANGEROUS), *DANGEROUS, "", "1", "a=1", "'=1", "^1", "\\1", "]", "ü-1"]


def test_whole_columns_are_judged_as_single_cells_are() -> None:
    judged = pl.Series(CELLS).str.contains(BEGINS).to_list()
    assert judged == [cell(each) != each for each in CELLS]
    assert sum(judged) == 2 * len(DANGEROUS)
