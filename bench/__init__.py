"""Measures Rollbook beside what the same work costs at the least, and beside other tools."""
