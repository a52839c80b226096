"""The autoencoders: architectures, training, calibration, and the bundle that holds a model."""
