"""First-party plugins, in the shape that third parties publish."""
