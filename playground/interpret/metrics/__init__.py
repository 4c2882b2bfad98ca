"""How good a map is: against the true mask, against the model itself, over many scenes."""
