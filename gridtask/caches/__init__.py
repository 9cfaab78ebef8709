"""A cache folder as an object: what is in it, and what shall go."""
