"""What a machine can and cannot do: pure checks over `Machine`, each with its reason and remedy."""
