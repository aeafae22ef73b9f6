"""Jobs over a list of images, outside MMEngine's Runner."""
