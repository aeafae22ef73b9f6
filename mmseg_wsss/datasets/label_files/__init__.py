"""Image-label files of every format."""
