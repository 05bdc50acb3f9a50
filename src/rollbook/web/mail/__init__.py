"""The screens of mail."""
