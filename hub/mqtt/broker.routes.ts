import { Hono } from "hono"
import { BrokerStatus } from "#contract/broker"
import { allow, doc, type HubEnv } from "../http/kit.ts"

export function createBrokerRoutes({ status }: { status: () => BrokerStatus }) {
  return new Hono<HubEnv>().get(
    "/api/broker",
    allow("engineer"),
    doc("Which broker carries the stations' messages, and what the probe of it found.", {
      200: BrokerStatus,
    }),
    (c) => c.json(status()),
  )
}
