"""The images as real pods on one node, with a real Kafka: rollouts, kills, signals, drains, readiness (`make pods`)."""
