"""Trees of files to desired objects."""
