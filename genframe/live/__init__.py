"""A training as it is seen in a terminal: the state that events feed, and the view of it. Torch-free."""
