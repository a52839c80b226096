"""What can go wrong with data, models and bundles, and is for the user to put right.

All of them:

    UserError                 one clear line, no traceback, exit code 2
    +-- BundleError           a bundle is missing, damaged, or of an unknown schema
    +-- ShapeError            an array does not match the input spec
    +-- CalibrationError      too few or unusable calibration errors
    +-- TrainingError         the data or settings cannot be trained with
    +-- ExportError           a bundle cannot be written in another format
    +-- GivenModelError       a file that is given as a model cannot be used as one
    +-- DetectorError         what `AnomalyDetector` was given does not fit; a ValueError, too
"""


class UserError(Exception):
    """Something that the user can put right; the message says what and how."""


class BundleError(UserError):
    """A bundle is missing, damaged, or of an unknown schema."""


class ShapeError(UserError):
    """An array does not match the input spec."""


class CalibrationError(UserError):
    """There are too few calibration errors for the quantile, or they are unusable."""


class TrainingError(UserError):
    """The data or the settings cannot be trained with."""


class ExportError(UserError):
    """A bundle cannot be written in another format."""


class GivenModelError(UserError):
    """A file that is given as a model cannot be used as one."""


class DetectorError(UserError, ValueError):
    """What `AnomalyDetector` was given does not fit. A ValueError, as scikit-learn's are."""
