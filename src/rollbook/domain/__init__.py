"""The words and the arithmetic: no Django, no clock, no disk, no network."""
