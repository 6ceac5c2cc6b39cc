"""Scripts that write data files of the project from their sources."""
