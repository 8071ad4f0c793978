"""The whole cluster goes down in order, and comes back: who goes when, and until when nothing is run."""
