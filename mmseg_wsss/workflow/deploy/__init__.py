"""A trained segmentor on new photos, and as an ONNX file."""
