"""Events to an MQTT broker.

- `publisher`: which event goes where, and what waits while the broker is away
- `broker`: its address
- `connection`: a connection that comes back by itself
- `home_assistant`: the sensor that Home Assistant finds
"""
