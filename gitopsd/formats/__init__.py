"""Formats as Kubernetes and its tools read and write them: YAML, quantities, durations, versions, field paths.

Pure functions over bytes, text and plain JSON values. Nothing here knows a kind of object, nor, but for what tells the items of
a list apart, a field of one.
"""
