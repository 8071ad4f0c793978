"""The API's paths: one module per subtree, each with a `router`."""
