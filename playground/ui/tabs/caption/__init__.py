"""The Caption tab."""
