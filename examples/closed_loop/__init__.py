"""The whole circle: drift, a request, a new model, swapped in, resolved."""
