"""Data: what a dataset promises, in which order its examples come, and the batches that a training sees."""
