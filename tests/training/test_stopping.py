import os
import signal

import pytest

from adfair.training.stopping import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_while_graceful_and_ends_at_once_before(number: signal.Signals) -> None:
    with StopRequest() as stop:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        stop.graceful = True
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert stop.made
        stop.since -= 60.0
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
