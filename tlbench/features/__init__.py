"""From pixels to features: engines that run a backbone, extraction, and the cache."""
