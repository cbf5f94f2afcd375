"""PatchCore of anomalib on the taps of an ONNX trunk: python patchcore.py JOB.json

Nothing of the method is changed; the feature extractor alone is replaced by one that runs the given file. Prints the
scores of the test pictures as JSON.
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

import numpy as np
import onnxruntime
import torch
from anomalib.models.image.patchcore.anomaly_map import AnomalyMapGenerator
from anomalib.models.image.patchcore.torch_model import PatchcoreModel


class Taps(torch.nn.Module):
    def __init__(self, path, layers):
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.layers = layers

    def forward(self, pictures):
        name = self.session.get_inputs()[0].name
        found = self.session.run(self.layers, {name: pictures.numpy()})
        return {layer: torch.from_numpy(values) for layer, values in zip(self.layers, found)}


class SameBackbone(PatchcoreModel):
    def __init__(self, path, layers):
        torch.nn.Module.__init__(self)
        self.tiler = None
        self.backbone = "onnx"
        self.layers = layers
        self.num_neighbors = 9
        self.feature_extractor = Taps(path, layers).eval()
        self.feature_pooler = torch.nn.AvgPool2d(3, 1, 1)
        self.anomaly_map_generator = AnomalyMapGenerator()
        self.register_buffer("memory_bank", torch.empty(0))
        self.embedding_store = []


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    job = json.load(open(sys.argv[1]))
    shape = (1, 3, job["h"], job["w"])
    load = lambda path: torch.from_numpy(np.fromfile(path, dtype=np.float32).reshape(shape))
    model = SameBackbone(job["onnx"], job["layers"])
    with torch.inference_mode():
        model.train()
        for path in job["train"]:
            model(load(path))
        patches = sum(len(rows) for rows in model.embedding_store)
        model.subsample_embedding(min(0.1, job["rows"] / patches))
        model.eval()
        scores = [float(model(load(path)).pred_score) for path in job["test"]]
    print(json.dumps({"scores": scores, "rows": int(model.memory_bank.shape[0])}))


main()
