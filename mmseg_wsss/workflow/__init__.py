"""From image labels to a segmentor: stages, own photos, report, use."""
