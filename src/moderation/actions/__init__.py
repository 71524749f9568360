"""One file for each thing the service does. Only here do transactions begin. Actions never import each other."""
