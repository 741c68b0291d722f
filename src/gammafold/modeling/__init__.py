"""Parameters, models and fits."""
