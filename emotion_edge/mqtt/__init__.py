"""Publishes events to an MQTT broker.

- `publisher`: which message goes to which topic, and what is kept while the broker cannot be reached
- `broker`: the address of the broker
- `connection`: a connection that is restored automatically
- `home_assistant`: the sensor that Home Assistant discovers
"""
