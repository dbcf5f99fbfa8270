"""Renders a message to bytes."""
