"""Leaks, shortcuts and odd files in a data set, before anyone trusts a number made of it."""
