"""Handlers: one change to a message per file, message and job in, message out."""
