"""Can it be trusted: history sealed in a Merkle tree, and proofs about it."""
