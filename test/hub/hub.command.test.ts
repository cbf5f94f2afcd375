import { afterEach, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hubRuntime } from "../../hub/cli/own-runtime.ts"

const main = join(import.meta.dir, "../../hub/main.ts")
const folders: string[] = []
const running: Started[] = []
afterEach(async () => {
  for (const hub of running.splice(0)) {
    hub.child.kill("SIGKILL")
    await hub.child.exited
  }
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})

function newFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "crux-command-"))
  folders.push(path)
  return path
}

type Started = { child: ReturnType<typeof spawn>; url: string; out: () => string }

function spawn(...args: string[]) {
  return Bun.spawn(
    [process.execPath, main, "hub", ...(args.includes("--mqtt-port") ? [] : ["--mqtt-port", "0"]), ...args],
    {
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, NO_COLOR: "1" },
    },
  )
}

/** Starts a hub and waits until it says that it is ready. */
async function start(...args: string[]): Promise<Started> {
  const child = spawn(...args)
  let out = ""
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`the hub ended: ${await new Response(child.stderr).text()}`)
    out += value
    const url = /ready: (\S+)/.exec(out)?.[1]
    if (url === undefined) continue
    const hub = { child, url, out: () => out }
    running.push(hub)
    return hub
  }
}

/** Runs a hub that must not start; its exit code and what it said. */
async function refused(...args: string[]): Promise<{ code: number; said: string }> {
  const child = spawn(...args)
  const said = await new Response(child.stderr).text()
  return { code: await child.exited, said }
}

const setupCode = (text: string) => /Setup code: (\S+)/.exec(text)?.[1]

describe("crux hub", () => {
  test("starts on an empty folder, prints its address and a setup code, and stops cleanly", async () => {
    const data = newFolder()
    const hub = await start("--data", data, "--http-port", "0")
    expect(setupCode(hub.out())).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
    expect((await fetch(`${hub.url}/api/users`)).status).toBe(401)
    hub.child.kill("SIGTERM")
    expect(await hub.child.exited).toBe(0)
    expect(await new Response(hub.child.stderr).text()).not.toContain('"error"')
  })

  test.skipIf(process.platform !== "linux")(
    "gives itself threads for its disk and a memory to count with, and does not hand the memory down",
    async () => {
      const { child } = await start("--data", newFolder(), "--http-port", "0")
      const settings = (pid: string | number) => readFileSync(`/proc/${pid}/environ`, "utf8").split("\0")
      const own = settings(child.pid)
      for (const [name, value] of Object.entries(hubRuntime)) expect(own).toContain(`${name}=${value}`)
      const children = () =>
        readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")
          .trim()
          .split(" ")
          .filter(Boolean)
      /** Of each child, whether it was told; one that is just being made still shows its parent's settings. */
      const told = () =>
        children().map((pid) => {
          try {
            return settings(pid).some((line) => line.startsWith("BUN_JSC_forceRAMSize="))
          } catch {
            return true
          }
        })
      const until = performance.now() + 10_000
      while ((told().length === 0 || told().includes(true)) && performance.now() < until) await Bun.sleep(20)
      expect(new Set(told())).toEqual(new Set([false]))
    },
  )

  test("serves screens and API over TLS alone when it is told to, with a certificate of its own authority", async () => {
    const data = newFolder()
    const hub = await start("--data", data, "--http-port", "0", "--http-tls", "true")
    expect(hub.url).toStartWith("https://")
    const ca = readFileSync(join(data, "keys", "ca.pem"), "utf8")
    const answer = await fetch(`${hub.url}/readyz`, { tls: { ca } })
    expect(answer.status).toBe(200)
    // Whoever trusts only the world's authorities is warned; without TLS nobody is answered.
    await expect(fetch(`${hub.url}/readyz`)).rejects.toThrow()
    await expect(fetch(hub.url.replace("https:", "http:"))).rejects.toThrow()
    const made = await fetch(`${hub.url}/api/setup`, {
      method: "POST",
      tls: { ca },
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        code: setupCode(hub.out()),
        login: "kim",
        name: "Kim",
        password: "a torque wrench in spring",
        language: "ko",
      }),
    })
    expect(made.status).toBe(201)
    expect(made.headers.get("set-cookie")).toMatch(/^__Host-.*; Secure/)
    expect(made.headers.get("strict-transport-security")).toBeNull()
    hub.child.kill("SIGTERM")
    expect(await hub.child.exited).toBe(0)
  }, 30_000)

  test("keeps its people over a kill, and then prints no setup code", async () => {
    const data = newFolder()
    const first = await start("--data", data, "--http-port", "0")
    const made = await fetch(`${first.url}/api/setup`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        code: setupCode(first.out()),
        login: "kim",
        name: "Kim",
        password: "a torque wrench in spring",
        language: "ko",
      }),
    })
    expect(made.status).toBe(201)
    first.child.kill("SIGKILL")
    await first.child.exited
    const second = await start("--data", data, "--http-port", "0")
    expect(await (await fetch(`${second.url}/api/setup`)).json()).toEqual({ needed: false })
    expect(setupCode(second.out())).toBeUndefined()
  }, 30_000)

  test("a second one on the same data exits with 4, on the same port with 1, and disturbs nobody", async () => {
    const data = newFolder()
    const hub = await start("--data", data, "--http-port", "0")
    const port = new URL(hub.url).port
    const sameData = await refused("--data", data, "--http-port", "0")
    expect(sameData.code).toBe(4)
    expect(sameData.said).toContain(`process ${hub.child.pid}`)
    const samePort = await refused("--data", newFolder(), "--http-port", port)
    expect(samePort.code).toBe(1)
    expect(samePort.said).toContain(`Port ${port} is already in use`)
    expect(samePort.said).toContain("--http-port")
    expect(samePort.said).not.toContain("hub.command.ts")
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200)
  }, 30_000)

  test("whose MQTT port is taken says so and exits with 1", async () => {
    const holder = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
    try {
      const { code, said } = await refused("--data", newFolder(), "--mqtt-port", String(holder.port))
      expect(code).toBe(1)
      expect(said).toContain(`Port ${holder.port} is already in use`)
      expect(said).toContain("--mqtt-port")
      expect(said).not.toContain("hub.ts")
    } finally {
      holder.stop(true)
    }
  })

  test("says what is wrong with its arguments (2), its settings (3), and its data (6)", async () => {
    expect((await refused("--colour", "red")).code).toBe(2)
    const port = await refused("--http-port", "99999")
    expect(port).toMatchObject({ code: 3 })
    expect(port.said).toContain("http.port")
    const file = join(newFolder(), "crux.json")
    writeFileSync(file, JSON.stringify({ http: { prot: 1 } }))
    const unknown = await refused("--config", file)
    expect(unknown).toMatchObject({ code: 3 })
    expect(unknown.said).toContain("prot")
    const data = newFolder()
    writeFileSync(join(data, "hub.db"), "this was a database once, before the disk went bad".repeat(200))
    expect((await refused("--data", data)).code).toBe(6)
  })
})
