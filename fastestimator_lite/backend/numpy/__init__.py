"""How numpy spells the primitives of the backend."""
