"""From `task.map` to jobs in the queue."""
