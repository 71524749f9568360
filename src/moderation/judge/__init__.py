"""The judge: pure functions from a case and a ruleset to a verdict. No clock, no randomness, no I/O."""
