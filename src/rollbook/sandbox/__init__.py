"""Invented districts and simulated systems, for the demo, the tests and anyone who wants to try."""
