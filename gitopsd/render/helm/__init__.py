"""Helm charts: what goes into one is collected here, purely; `gitopsd.helm` runs the program."""
