"""The log port on Apache Kafka, through kafka-python 3.

kafka-python used as documented loses and duplicates records when brokers fail. Comments name the fault behind each deviation
from the documented use; docs/architecture.md lists them.
"""

from newsloom.streaming.kafka.log import open_kafka

__all__ = ["open_kafka"]
