"""A folder of photos: checked, and converted to a data set for a pipeline."""
