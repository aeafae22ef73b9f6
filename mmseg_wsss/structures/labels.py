"""Label values that are no class, and how many classes that leaves."""

IGNORE_LABEL = 255
BIASED_LABEL = 254
MAX_CLASSES = 254
