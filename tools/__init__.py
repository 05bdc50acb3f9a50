"""What builds and looks after the project; nothing of it is installed with Rollbook."""
