"""The HTTP API, the live socket and the page of `emotion-edge serve`. Needs the extra `web`."""
