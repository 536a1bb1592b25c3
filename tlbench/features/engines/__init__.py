"""Engines: what runs a frozen backbone on batches of pixels."""
