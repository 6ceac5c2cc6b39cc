"""Formats as Kubernetes and its tools read and write them: YAML, quantities, durations, versions, field paths.

Pure functions over bytes, text and plain JSON values. Nothing here knows a kind of object or a field of one.
"""
