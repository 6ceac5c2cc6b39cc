"""The daemon's face in the cluster: Application resources are read, obeyed, and shown how they stand, as Argo CD does it.

What `web` is to HTTP, this is to Kubernetes: people ask through `operation` and annotations, and look at `status`.
"""
