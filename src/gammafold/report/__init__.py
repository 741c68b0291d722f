"""Results as people read them: tables on the terminal, figures and JSON."""
