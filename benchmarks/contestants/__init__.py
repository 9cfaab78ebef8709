"""What takes part: one file each, with a function for each workload it can do."""
