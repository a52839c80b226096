"""What a bundle makes of records, for the tests of the models."""

import numpy as np
from sklearn.metrics import roc_auc_score

from models import bundle
from models.device_engine import DeviceEngine
from models.engines import engine_for


def errors_of(bundle, records):
    """Errors of records, as the daemon computes them."""
    return engine_for(bundle.model, bundle.input_spec, bundle.error_metric).errors(records)


def auc(bundle, normal, odd):
    """ROC AUC of odd records among normal ones."""
    truth = np.repeat([0, 1], [len(normal), len(odd)])
    return roc_auc_score(truth, errors_of(bundle, np.concatenate([normal, odd])))


def assert_alike(built, records):
    """Errors are those of before it was saved: in batches of any size, and of a device's engine."""
    loaded, expected = bundle.load(built.path), errors_of(built, records)
    assert np.array_equal(errors_of(loaded, records), expected)
    of = (loaded.model, loaded.input_spec, loaded.error_metric)
    engines = [engine_for(*of, micro_batch=size) for size in (1, 7)]
    for engine in (*engines, DeviceEngine(*of, micro_batch=256)):
        np.testing.assert_allclose(engine.errors(records), expected, rtol=1e-4, atol=1e-5)
