"""Work over a list of images outside the Runner."""
