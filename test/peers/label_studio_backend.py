"""A model server made with Label Studio's own package (label-studio-ml): prints its port, then answers.

Usage: label_studio_backend.py FOLDER. Says NG of every part, with a box where somebody points at it.
"""

import socket
import sys

from label_studio_ml.api import init_app
from label_studio_ml.model import LabelStudioMLBase


class Model(LabelStudioMLBase):
    def predict(self, tasks, context=None, **kwargs):
        said = {"from_name": "verdict", "to_name": "image", "type": "choices", "value": {"choices": ["NG"]}}
        pointed = (context or {}).get("result", [])
        boxes = [
            {
                "id": f"smart-{i}",
                "from_name": "defect",
                "to_name": "image",
                "type": "rectanglelabels",
                "original_width": 24,
                "original_height": 16,
                "value": {
                    "x": point["value"]["x"] - 5,
                    "y": point["value"]["y"] - 5,
                    "width": 10,
                    "height": 10,
                    "rotation": 0,
                    "rectanglelabels": ["scratch"],
                },
            }
            for i, point in enumerate(pointed)
        ]
        return [{"result": [said, *boxes], "score": 0.7} for _ in tasks]

    def fit(self, annotations, workdir=None, **kwargs):
        return {"seen": 1}


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
app = init_app(model_class=Model, model_dir=sys.argv[1], redis_queue="", redis_host="", redis_port=0)
print(port, flush=True)
app.run(host="127.0.0.1", port=port)
