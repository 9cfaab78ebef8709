"""Where results are: knows keys and bytes, not tasks."""
