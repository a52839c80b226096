"""What a bundle makes of records, for the tests of the models."""

import numpy as np
from sklearn.metrics import roc_auc_score

from models.engines import engine_for


def errors_of(bundle, records):
    """Errors of records, as the daemon computes them."""
    return engine_for(bundle.model, bundle.input_spec, bundle.error_metric).errors(records)


def auc(bundle, normal, odd):
    """ROC AUC of odd records among normal ones."""
    truth = np.repeat([0, 1], [len(normal), len(odd)])
    return roc_auc_score(truth, errors_of(bundle, np.concatenate([normal, odd])))
