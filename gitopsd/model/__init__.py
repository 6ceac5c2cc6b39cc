"""Frozen values that the stages exchange, and the errors they raise.

Nothing here does I/O, reads a clock or logs. Every other package may import this one; it imports none of them.
"""
