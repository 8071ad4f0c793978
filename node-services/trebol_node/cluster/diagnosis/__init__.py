"""What is wrong with a cluster, and what to do: read at the edge (`reading`), judged by a pure core (`findings`)."""
