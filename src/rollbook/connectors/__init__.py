"""Systems that rosters come from: one folder a system, found by name in `registry`."""
