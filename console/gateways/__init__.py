"""The only place that talks to Azure's SDKs."""
