"""Datumaro opens what CRUX has exported."""
import json, sys, warnings

warnings.filterwarnings("ignore")
from datumaro import Dataset

out = {}
for name, path in zip(sys.argv[1::2], sys.argv[2::2]):
    dataset = Dataset.import_from(path, name)
    labels = [label.name for label in dataset.categories()[next(iter(dataset.categories()))]]
    out[name] = sorted(
        [item.id.split("/")[-1], item.subset, sorted([a.type.name, labels[a.label]] for a in item.annotations if a.label is not None)]
        for item in dataset
    )
print(json.dumps(out))
