"""What is kept: models, and the only doors to SQL and to the run folders."""
