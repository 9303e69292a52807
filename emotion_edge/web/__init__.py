"""The HTTP API, the live socket and the web page of `emotion-edge serve`. Needs the extra `web`.

- `server`: the process: address, token, start and end
- `app`: the routes and the middleware
- `api`, `uploads`: classify recordings that are uploaded
- `live`: the WebSocket for live samples
- `tf_serving`: classify feature vectors, with the API of TensorFlow Serving
- `guard`, `limits`, `errors`: access control, limits, and error messages
- `metrics`, `openapi`, `service`: counters for Prometheus, the API description, and the models
- `static/`: the page
"""
