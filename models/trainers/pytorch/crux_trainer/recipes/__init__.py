"""Ways to make a model. Each is one file with `RECIPE`."""
