"""What a person sees while waiting, and the keys."""
