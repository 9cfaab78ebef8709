"""What source text says: its syntax trees, names, and where things are defined."""
