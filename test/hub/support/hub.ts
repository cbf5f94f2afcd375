import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Role } from "#contract/users"
import { selfCommand } from "#models/child"
import { createAsker } from "#models/infer/asker"
import type { HubConfig } from "../../../hub/config.ts"
import { createHub, type Hub, type HubPorts } from "../../../hub/hub.ts"
import { theHub } from "../../../hub/platform/audit.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { createImaging } from "../../../hub/ports.bun.ts"
import { readConfig } from "../../../hub/read-config.ts"
import { createProver } from "../../../hub/registry/prover.ts"
import { createTrainerChild } from "../../../hub/training/trainer.child.ts"

export const testPassword = "a torque wrench in spring"
const origin = "http://hub.test"

/** One browser: keeps its cookie, sends what a browser sends. */
export type Browser = {
  get(path: string, headers?: Record<string, string>): Promise<Response>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  cookie(): string
}

export type TestHub = {
  hub: Hub
  folder: string
  clock: { now(): number; pass(ms: number): void }
  log: string[]
  browser(ip?: string): Browser
  /** A browser signed in as a new person of this role. */
  as(role: Role): Promise<Browser & { userId: string }>
  /** Stops the hub and starts another on the same data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A real hub on a temporary folder, reached through `fetch`; cheap password hashing, a clock the test moves. */
export async function startTestHub(
  options: {
    config?: Partial<Omit<HubConfig, "mqtt">> & { mqtt?: Partial<HubConfig["mqtt"]> }
    ports?: Partial<HubPorts>
  } = {},
): Promise<TestHub> {
  const folder = mkdtempSync(join(tmpdir(), "crux-hub-"))
  const log: string[] = []
  let ahead = 0
  const pass = (ms: number) => {
    ahead += ms
  }
  const clock = { now: () => Date.now() + ahead, pass }
  const create = async () => {
    const { config } = readConfig({
      environment: {},
      // Chance has no place in tests: none of their parts is drawn to be shown without help.
      flags: { data: folder, "mqtt-port": "0", "http-port": "0", "assist-blind-share": "0" },
    })
    const hub = await createHub(
      {
        ...config,
        log_level: "debug",
        ...options.config,
        mqtt: { ...config.mqtt, ...options.config?.mqtt },
      },
      {
        openSqlite,
        openAsset: async (name) =>
          name === "ui/index.html" ? new TextEncoder().encode("<!doctype html>") : null,
        clock,
        imaging: createImaging(),
        trainer: createTrainerChild({ command: selfCommand("worker", "train") }),
        print: createAsker({ command: selfCommand("worker", "print") }),
        prover: createProver({ command: selfCommand("worker", "infer") }),
        ids: systemIds,
        writeLog: (line) => void log.push(line),
        version: "0.0.0-test",
        passwordCost: { N: 2 ** 4, r: 8, p: 1 },
        ...options.ports,
      },
    )
    try {
      await hub.start()
    } catch (error) {
      await hub.stop()
      throw error
    }
    return hub
  }
  const test: TestHub = {
    hub: await create(),
    folder,
    clock,
    log,
    browser: (ip = "10.0.0.1") => createBrowser((request) => test.hub.fetch(request, { ip })),
    async as(role) {
      const login = `${role}-${systemIds.random(4)}`
      const user = await test.hub.users.create(theHub, {
        login,
        name: `${role} ${login.slice(-8)}`,
        role,
        language: "ko",
        password: testPassword,
      })
      const browser = test.browser()
      const answer = await browser.post("/api/session", { login, password: testPassword })
      if (answer.status !== 201) throw new Error(await answer.text())
      return { ...browser, userId: user.id }
    },
    async restart() {
      await test.hub.stop()
      test.hub = await create()
    },
    async stop() {
      await test.hub.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return test
}

function createBrowser(fetch: (request: Request) => Promise<Response>): Browser {
  const cookies = new Map<string, string>()
  const cookie = () => [...cookies].map(([name, value]) => `${name}=${value}`).join("; ")
  const send: Browser["send"] = async (method, path, body, headers = {}) => {
    const raw = body instanceof Uint8Array
    const answer = await fetch(
      new Request(`${origin}${path}`, {
        method,
        headers: {
          host: "hub.test",
          ...(method === "GET" ? {} : { origin, "sec-fetch-site": "same-origin" }),
          ...(body === undefined
            ? {}
            : { "content-type": raw ? "application/octet-stream" : "application/json" }),
          ...(cookies.size > 0 ? { cookie: cookie() } : {}),
          ...headers,
        },
        ...(body === undefined ? {} : { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
      }),
    )
    for (const set of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      if (/Max-Age=0|01 Jan 1970/.test(set)) cookies.delete(name)
      else cookies.set(name, value)
    }
    return answer
  }
  return {
    send,
    get: (path, headers) => send("GET", path, undefined, headers),
    post: (path, body, headers) => send("POST", path, body, headers),
    cookie,
  }
}
