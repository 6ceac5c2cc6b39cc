"""What changes objects: one module for each transformation."""
