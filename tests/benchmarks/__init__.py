"""Scripts that measure, with a table as their result."""
