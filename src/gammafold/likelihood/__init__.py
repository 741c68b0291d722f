"""The engine: a likelihood is a function of a batch of parameter vectors."""
