"""OneRoster: CSV files of version 1.1 and 1.2, from a folder or a ZIP."""
