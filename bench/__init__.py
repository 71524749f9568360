"""How fast the service is, as ratios to a bare Flask application beside it. `bench/run` starts it; see README.md."""
