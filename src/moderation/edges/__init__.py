"""One file for each thing outside the process. Only here are the database, Redis and the network spoken to."""
