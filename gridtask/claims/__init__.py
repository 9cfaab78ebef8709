"""Which call is in which job: run files, and what they claim."""
