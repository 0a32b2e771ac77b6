"""The HTTP door: bare ASGI with msgspec; authorization is decided per matched route."""
