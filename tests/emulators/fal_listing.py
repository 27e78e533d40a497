"""What fal publishes about its endpoints, as the double does: OpenAPI documents and a price list."""

from dataclasses import dataclass, field
from typing import Any

from tests.emulators.fal_schemas import ENDPOINTS, IMAGE_SIZE, Rules


@dataclass
class Listing:
    """What fal publishes about its endpoints; a test changes it as fal would overnight."""

    gone: set[str] = field(default_factory=set)
    # By endpoint: price and unit.
    prices: dict[str, tuple[Any, str]] = field(default_factory=dict)
    # By endpoint: fields that changed; None where one was taken away.
    fields: dict[str, dict[str, Rules | None]] = field(default_factory=dict)

    def openapi(self, name: str) -> Rules | None:
        """The document of an endpoint; None when there is no such endpoint (any more)."""
        if name not in ENDPOINTS or name in self.gone:
            return None
        schema = dict(ENDPOINTS[name].schema)
        changed = schema["properties"] | self.fields.get(name, {})
        schema["properties"] = {key: rules for key, rules in changed.items() if rules is not None}
        title = "".join(part.capitalize() for part in name.replace("/", "-").split("-"))
        body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{title}Input"}}}}
        status = {"type": "object", "required": ["status", "request_id"], "properties": {"status": {"type": "string"}}}
        return {
            "openapi": "3.0.4",
            "info": {
                "title": f"Queue OpenAPI for {name}",
                "version": "1.0.0",
                "description": f"The OpenAPI schema for the {name} queue.",
                "x-fal-metadata": {"endpointId": name, "playgroundUrl": f"https://fal.ai/models/{name}"},
            },
            "components": {
                "securitySchemes": {"apiKeyAuth": {"type": "apiKey", "in": "header", "name": "Authorization"}},
                "schemas": {"QueueStatus": status, f"{title}Input": schema, "ImageSize": IMAGE_SIZE},
            },
            "paths": {
                f"/{name}/requests/{{request_id}}/status": {"get": {"responses": {}}},
                f"/{name}": {"post": {"requestBody": {"required": True} | body, "responses": {}}},
            },
            "servers": [{"url": "https://queue.fal.run"}],
            "security": [{"apiKeyAuth": []}],
        }

    def price(self, name: str) -> Rules | None:
        """The row of an endpoint in the price list; None when there is no such endpoint (any more)."""
        if name not in ENDPOINTS or name in self.gone:
            return None
        price, unit = self.prices.get(name, (ENDPOINTS[name].price, ENDPOINTS[name].unit))
        return {"endpoint_id": name, "unit_price": price, "unit": unit, "currency": "USD"}
