"""Our JSON answers compared with recorded answers of the original: same status, same shape, or a cited reason."""
