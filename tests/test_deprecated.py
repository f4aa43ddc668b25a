"""A deprecation warns the author of the plugin, at the plugin's own line."""

from __future__ import annotations

import warnings

from genframe.deprecated import Deprecation, GenframeDeprecationWarning


def test_a_deprecation_points_at_the_plugins_line() -> None:
    def hook() -> None: ...

    old = Deprecation("genframe_things", since="0.3", until="0.5", instead="use genframe_parts")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        old.warn(hook)
    (warning,) = caught
    assert warning.category is GenframeDeprecationWarning
    assert (warning.filename, warning.lineno) == (__file__, hook.__code__.co_firstlineno)
    assert all(word in str(warning.message) for word in ("genframe_things", "0.3", "0.5", "genframe_parts"))
