"""The HTTP face: API, events, probes, metrics. Routes turn requests into calls of the agent and values into documents."""
