"""Is the stream still what the model was trained on?

blocks -> window, detector -> episodes -> judge -> Verdict. Values in, values out: no Kafka, no
clock. Others import `judge`, `judge_settings`, `budget`, `episodes`, `window` and `simulation`.
"""
