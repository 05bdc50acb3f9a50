"""First start, sign-in and sign-out."""
