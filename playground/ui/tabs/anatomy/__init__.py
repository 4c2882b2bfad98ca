"""The Anatomy tab."""
