"""The long tests: kills at any moment, and files broken in any way."""
