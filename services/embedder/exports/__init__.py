"""Models exported for other runtimes than torch: written by `newsloom model export`, checked whenever one is loaded."""
