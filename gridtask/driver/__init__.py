"""The loop of a run: watch, collect, name causes, try again."""
