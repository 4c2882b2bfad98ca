"""What the caption task is made of: wording, candidates, and how well each fits."""
