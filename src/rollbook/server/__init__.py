"""Settings, read and checked before anything starts, and the addresses of the site: what hangs the floors together."""
