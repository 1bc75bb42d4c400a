"""The bookkeeper: reads what stands on the topics and sees whether the books agree. It knows nothing of the engine."""
