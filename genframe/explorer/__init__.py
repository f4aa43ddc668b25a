"""A local page to play with a trained model.

`abilities` says what a model can do, by its outputs; `actions` are what the page asks for, functions of an `explored`
model and the request alone; `server` hands them to the page in `static`, and `guard` refuses whoever may not ask.
"""
