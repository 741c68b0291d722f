"""Statistics of counts, on plain arrays."""
