// A client of the MinisPod API: every path, parameter, body and answer is typed from docs/openapi.json.
// `make client` generates the types anew and compiles this file, so that a broken promise is a broken build.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema";

/** A refusal as every operation answers it. */
export type Problem = components["schemas"]["Problem"];

/** A client at `baseUrl` that sends the access token of `token()`, if there is one. */
export function minispod(baseUrl: string, token: () => string | undefined = () => undefined): Client<paths> {
  const client = createClient<paths>({ baseUrl });
  client.use({
    onRequest({ request }) {
      const now = token();
      if (now) request.headers.set("Authorization", `Bearer ${now}`);
      return request;
    },
  });
  return client;
}

/** Order a plan; the same `key` again is the same order. */
export async function order(client: Client<paths>, planId: string, key: string): Promise<string> {
  const { data, error } = await client.POST("/api/v1/subscriptions", {
    params: { header: { "Idempotency-Key": key } },
    body: { planId },
  });
  if (error) throw new Error(`${error.code}: ${error.message}`);
  return data.data.subscription.id;
}
