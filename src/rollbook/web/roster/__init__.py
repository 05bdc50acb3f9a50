"""The screens of roster."""
