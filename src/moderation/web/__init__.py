"""The doors: HTTP in, HTTP out. Only here is Flask known; nothing here decides anything."""
