"""Rollbook: rosters for schools, imported like pull requests."""

import os

# Columns come and go by the hundred megabytes. The allocator of polars would keep what they leave for ten seconds; a fifth of a
# second costs no time that could be measured and a tenth of the peak. It is read when polars is first loaded.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:200,muzzy_decay_ms:0")

# Rollbook asks numpy for no linear algebra. The threads that stand by for it would cost every start a quarter of a second of
# processor time, and more on larger machines. It is read when numpy is first loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
