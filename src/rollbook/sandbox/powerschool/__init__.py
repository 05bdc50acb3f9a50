"""A PowerSchool of our own, for tests, demos and clients that are not ours: it answers as the real one is known to."""
