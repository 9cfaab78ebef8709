"""Running what was identified: the user's code travels with the jobs."""
