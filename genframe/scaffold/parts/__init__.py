"""One component of each kind, as `genframe plugins new` writes it: real modules, tested as components.

Each stands for itself in a module of its own and names its component `MyEncoder` or `my_loss`, in whose place the
author's name comes. They import only what plugins may.
"""
