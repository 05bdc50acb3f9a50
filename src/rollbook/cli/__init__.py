"""The command line: each verb asks one action and prints its answer."""
