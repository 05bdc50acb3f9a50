"""Parts of pages that are drawn or worked out in Python."""
