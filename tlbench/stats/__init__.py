"""Statistics of classifiers' scores on labelled cases: a library of its own.

Pure functions over arrays: no files, no console, nothing drawn without an `rng`. What they share:

- `labels` are 0/1 or booleans, 1 the positive class; `scores` are finite, higher means more
  positive, and nothing is ever flipped: an AUC below 0.5 is reported as it is.
- `groups` are patient ids. Where a patient has several cases, variances allow for it and results
  say so; where none has, results are the same as without groups.
- Results are frozen dataclasses that name method, level and numbers. A value that can't be computed
  is None with a `note`, never nan. Bad input raises ValueError.
- Importing the package loads numpy only; scipy's special functions are loaded where t, beta or
  binomial tails are needed.

    >>> from tlbench.stats import auc_interval
    >>> found = auc_interval([0, 0, 0, 1, 1, 1], [0.1, 0.4, 0.5, 0.3, 0.8, 0.9])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), found.method
    (0.778, 0.173, 0.983, 'logit')
"""

from tlbench.stats.band import RocBand, roc_band
from tlbench.stats.calibration import (
    CLIP,
    CalibrationLine,
    Coefficient,
    Reliability,
    ReliabilityBin,
    brier,
    calibration_line,
    log_loss,
    reliability,
)
from tlbench.stats.clustered import AucCovariance, Spread, auc_covariance
from tlbench.stats.compare import AucDifference, Comparison, compare_aucs, compare_unpaired
from tlbench.stats.cutoff import (
    Cutoff,
    CutoffInterval,
    CutoffRule,
    bootstrap_cutoff,
    choose_cutoff,
    parse_rule,
)
from tlbench.stats.decision import DecisionCurve, decision_curve
from tlbench.stats.interval import AucInterval, auc_interval, hoeffding_limits, interval_of
from tlbench.stats.mcnemar import CutoffComparison, McNemar, compare_at_cutoffs, mcnemar
from tlbench.stats.multiple import benjamini_hochberg, holm, indistinguishable
from tlbench.stats.operating import (
    LikelihoodRatio,
    OperatingPoint,
    likelihood_ratio,
    operating_point,
)
from tlbench.stats.power import (
    cases_to_detect,
    detectable_difference,
    power_to_detect,
    variance_of_difference,
)
from tlbench.stats.predictive import PredictiveValue, predictive_value
from tlbench.stats.proportion import (
    Proportion,
    clustered_proportion,
    effective_sizes,
    effective_sizes_of_called,
    proportion,
    wilson_limits,
)
from tlbench.stats.roc import (
    PartialAuc,
    RocCurve,
    auc,
    delong_components,
    delong_covariance,
    partial_auc,
    roc_curve,
)
from tlbench.stats.seeds import SeedSpread, average_seeds, spread_over_seeds
from tlbench.stats.units import Units, collect_units

__all__ = [
    "CLIP",
    "AucCovariance",
    "AucDifference",
    "AucInterval",
    "CalibrationLine",
    "Coefficient",
    "Comparison",
    "Cutoff",
    "CutoffComparison",
    "CutoffInterval",
    "CutoffRule",
    "DecisionCurve",
    "LikelihoodRatio",
    "McNemar",
    "OperatingPoint",
    "PartialAuc",
    "PredictiveValue",
    "Proportion",
    "Reliability",
    "ReliabilityBin",
    "RocBand",
    "RocCurve",
    "SeedSpread",
    "Spread",
    "Units",
    "auc",
    "auc_covariance",
    "auc_interval",
    "average_seeds",
    "benjamini_hochberg",
    "bootstrap_cutoff",
    "brier",
    "calibration_line",
    "cases_to_detect",
    "choose_cutoff",
    "clustered_proportion",
    "collect_units",
    "compare_at_cutoffs",
    "compare_aucs",
    "compare_unpaired",
    "decision_curve",
    "delong_components",
    "delong_covariance",
    "detectable_difference",
    "effective_sizes",
    "effective_sizes_of_called",
    "hoeffding_limits",
    "holm",
    "indistinguishable",
    "interval_of",
    "likelihood_ratio",
    "log_loss",
    "mcnemar",
    "operating_point",
    "parse_rule",
    "partial_auc",
    "power_to_detect",
    "predictive_value",
    "proportion",
    "reliability",
    "roc_band",
    "roc_curve",
    "spread_over_seeds",
    "variance_of_difference",
    "wilson_limits",
]
