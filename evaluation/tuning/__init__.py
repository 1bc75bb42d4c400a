"""The search for parameters, and the compiled replay that it runs thousands of times."""
