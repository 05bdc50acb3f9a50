"""How the tables came to be, one file a step: expand first, contract in a later release."""
