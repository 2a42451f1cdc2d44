// Starts Swagger UI on the page that tries the API. Changes carry the page's CSRF token, so that
// they work for a signed-in browser; with a key the token is ignored.
window.SwaggerUIBundle({
  dom_id: "#console",
  url: document.getElementById("console").dataset.document,
  deepLinking: false,
  docExpansion: "list",
  validatorUrl: null,
  requestInterceptor(request) {
    request.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf-token"]').content;
    return request;
  },
});
