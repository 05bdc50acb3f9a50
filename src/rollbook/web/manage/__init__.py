"""The screens of manage."""
