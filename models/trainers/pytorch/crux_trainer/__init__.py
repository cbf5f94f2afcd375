"""The GPU trainer of CRUX: takes jobs from a hub, trains, hands in one ONNX file with a contract."""

__version__ = "1.0.0"
