"""Starts the command line for `python -m rollbook`."""

from rollbook.cli.main import main

main()
