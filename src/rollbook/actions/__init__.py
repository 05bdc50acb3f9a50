"""What a person may ask for: permission, audit row and transaction are here, once."""
