// The page at /api/docs: Swagger UI on our own document. Nothing is fetched from elsewhere and no token is kept.
"use strict";

const place = document.getElementById("api");

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  requestSnippetsEnabled: true,
  validatorUrl: null,
});
