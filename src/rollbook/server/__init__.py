"""Settings, addresses and start-up checks: what hangs the floors together."""
