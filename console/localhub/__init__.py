"""A real IoT Hub on loopback."""
