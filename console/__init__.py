"""hubwarden: a terminal security console for Azure IoT Hub."""
