"""Any argument value to a digest."""
