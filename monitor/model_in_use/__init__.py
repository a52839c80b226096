"""How the model is followed and replaced while the daemon runs.

`follower.py` looks for a new one and makes it ready, `model_slot.py` holds it until `swap.py` puts
it in place between two batches; `shadow.py` scores with a second one that decides nothing.
"""
