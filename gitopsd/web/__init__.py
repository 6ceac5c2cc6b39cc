"""The HTTP face: API, probes, metrics. Routes turn requests into calls of the agent and values into documents, and nothing else."""
