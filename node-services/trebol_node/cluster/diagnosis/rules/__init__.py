"""What is looked at, by where it shows."""
