"""Rollbook: rosters for schools, imported like pull requests."""
