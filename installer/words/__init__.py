"""Plans, bundles, apps and results in words and as JSON: pure, nothing is printed."""
