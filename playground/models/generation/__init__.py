"""One generation after another: tokens as they come, what is kept for the next turn, batches, likelihoods."""
