/* Starts the reader: everything comes from this host, nothing is sent to another one (no validator's badge). */
"use strict";
SwaggerUIBundle({
	url: "/docs/openapi.json",
	dom_id: "#reader",
	deepLinking: true,
	docExpansion: "none",
	filter: true,
	defaultModelsExpandDepth: 0,
	displayRequestDuration: true,
	persistAuthorization: false,
	validatorUrl: null
});
