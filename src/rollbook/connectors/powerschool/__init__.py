"""PowerSchool SIS: its own plugin's queries, asked over HTTP."""
