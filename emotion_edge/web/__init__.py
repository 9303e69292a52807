"""The HTTP API, the live socket and the page of `emotion-edge serve`. Needs the extra `web`.

- `server`: starts it, with the address, the token and the limits
- `app`: which path is answered by what, behind which guard
- `api`, `uploads`: recordings in, answers out
- `live`: the socket for samples as they come
- `tf_serving`: feature vectors, as TensorFlow Serving takes them
- `guard`, `limits`, `errors`: who may ask, how much, and what is said otherwise
- `metrics`, `openapi`, `service`: figures for Prometheus, the description, and the models that answer
- `static/`: the page
"""
