"""The engine `hibari`, in this process."""

import onnxruntime

from models.hibari import Hibari


def test_no_plan_of_memory_is_kept_for_each_length() -> None:
    engine = Hibari()
    engine.load()
    (speaker,) = engine._speakers.values()
    assert speaker.sess.get_session_options().enable_mem_pattern is False
    assert onnxruntime.SessionOptions().enable_mem_pattern is True, "of others' sessions"
