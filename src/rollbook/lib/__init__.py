"""What knows nothing of schools, and could be published by itself."""
