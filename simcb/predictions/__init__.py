"""What can be known of a scenario before it is run: formulas, and the numbers they give.

No scenario is simulated here; how often a rate trips by chance is drawn. Each prediction has its
formula, the numbers in it, how sure it is and which lines of the file it comes from.
"""

from simcb.predictions.answers import Answer
from simcb.predictions.meanings import MEANINGS
from simcb.predictions.predict import Predictions, predict
from simcb.predictions.telling import driving_lines, findings, predictions_of_metric
from simcb.predictions.topics import TOPICS, answer
from simcb.predictions.values import Prediction, Sureness

__all__ = [
    "MEANINGS",
    "TOPICS",
    "Answer",
    "Prediction",
    "Predictions",
    "Sureness",
    "answer",
    "driving_lines",
    "findings",
    "predict",
    "predictions_of_metric",
]
