"""What runs on the node: one array task's calls."""
