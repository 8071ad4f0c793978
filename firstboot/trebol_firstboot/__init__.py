"""What a node shows on its console."""
