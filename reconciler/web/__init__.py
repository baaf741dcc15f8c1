"""The daemon's face on the network: server, webhook, API, pages and metrics. Decisions are made below this floor."""
