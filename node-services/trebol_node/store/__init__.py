"""Records over etcd: what is known of it, how it is written, kept safe and put back."""
