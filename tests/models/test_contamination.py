import numpy as np
import pytest

from models.contamination import suspicious_share

rng = np.random.default_rng(0)
NORMAL = {
    "lognormal": rng.lognormal(sigma=0.7, size=20_000),
    "chi-squared, 3": rng.chisquare(3, size=20_000),
    "chi-squared, 50": rng.chisquare(50, size=20_000),
    "heavy": np.abs(rng.standard_t(4, size=20_000)),
    "constant": np.ones(1000),
    "zeros": np.zeros(1000),
}


@pytest.mark.parametrize("errors", NORMAL.values(), ids=NORMAL)
def test_normal_errors_are_not_suspicious(errors):
    assert suspicious_share(errors) == 0


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05])
@pytest.mark.parametrize("name", ["lognormal", "chi-squared, 50"])
def test_anomalies_among_them_are(name, share):
    errors = NORMAL[name].copy()
    count = int(share * errors.size)
    errors[:count] = 1000 * np.median(errors)
    assert suspicious_share(errors) == pytest.approx(share, rel=0.01)


def test_one_or_two_are_no_share():
    errors = NORMAL["lognormal"].copy()
    errors[:2] = 1e6
    assert suspicious_share(errors) == 0
