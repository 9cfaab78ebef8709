"""The walk over the user's code behind a task: live objects, not files."""
