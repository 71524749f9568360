"""The steps of a submission, a room each. `actions.submit` puts them together."""
