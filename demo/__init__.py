"""The main job, from a commit to live objects, on this machine: `make demo`."""
