"""One module a verb; `run` alone knows their order."""
