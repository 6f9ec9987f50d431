"""How TensorFlow spells the primitives of the backend, and what it does with models."""
