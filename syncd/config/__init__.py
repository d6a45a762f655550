"""The configuration: `syncd.yaml`, the environment and secrets, read once and checked whole."""
