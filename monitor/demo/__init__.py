"""The demo: the main job on one machine, with real digits and an embedded broker."""
