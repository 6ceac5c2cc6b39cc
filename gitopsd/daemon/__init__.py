"""When: triggers, coalescing, polling, retries, start and end."""
