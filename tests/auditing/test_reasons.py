import numpy as np

from adfair.auditing.reasons import joined, resample_note


def test_resamples_left_undefined_are_counted_and_too_many_are_said_to_be() -> None:
    values = np.array([0.5, 0.6, 0.7, np.nan])
    assert resample_note(values[:3]) == ""
    assert resample_note(values) == "1 of 4 resamples undefined"
    assert resample_note(np.array([0.5, np.nan, np.nan])).endswith("too many for an interval")


def test_empty_notes_leave_no_separators() -> None:
    assert joined("", "a", "", "b") == "a; b"
    assert joined("", "") == ""
