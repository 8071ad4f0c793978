"""A node is taken out for a while: what stands against it, by layers, and the record that says so."""
