"""Comparing desired with live: what differs, and who holds the field that does."""
