"""What a score is: metrics on known labels, vectorised over bootstrap resamples, one family per file."""

from umbel.judging.metrics.metric import METRICS, Answers, Metric, Statistic, Undefined, measure

__all__ = ["METRICS", "Answers", "Metric", "Statistic", "Undefined", "measure"]
