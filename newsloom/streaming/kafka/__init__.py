"""The log port on Apache Kafka, through kafka-python 3.

kafka-python as documented loses and repeats records when brokers fail; every departure from the documented way says which
fault it answers. Anything private of the library that is touched is in `clients.py` and `connections.py`.
"""

from newsloom.streaming.kafka.log import open_kafka

__all__ = ["open_kafka"]
