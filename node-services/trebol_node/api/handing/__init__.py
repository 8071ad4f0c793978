"""What belongs to another member of the cluster: requests handed on to it, and what it says of itself."""
