"""One file for each thing the service does. The only place where transactions begin. Actions never import each other."""
