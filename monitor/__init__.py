"""The daemon around the autoencoders: from a Kafka topic to a drift alert."""
