"""What `gridtask doctor` looks at: this machine, the cache folder, the scheduler."""
