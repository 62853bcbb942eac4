"""History taken out, verified by anybody, taken in again, and told anew."""
