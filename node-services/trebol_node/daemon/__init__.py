"""What trebold does beside its requests: it keeps this node up with the records, and tells the others of it."""
