"""How PyTorch spells the primitives of the backend, and what it does with models."""
