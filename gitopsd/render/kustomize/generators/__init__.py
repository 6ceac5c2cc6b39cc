"""What makes objects: ConfigMaps and Secrets from files, environment files and literals."""
