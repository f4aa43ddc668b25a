"""A local page to play with a trained model.

`abilities` says what a model can do, `explored` does it, `server` hands it to the page in `static`.
"""
