import { afterEach, describe, expect, test } from "bun:test"
import type { Browser, TestHub } from "./support/hub.ts"
import { startTestHub, testPassword } from "./support/hub.ts"

const hubs: TestHub[] = []
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop()
})
async function start(): Promise<TestHub> {
  const hub = await startTestHub()
  hubs.push(hub)
  return hub
}

const firstAdmin = (code: string) => ({
  code,
  login: "kim",
  name: "Kim",
  password: testPassword,
  language: "ko",
})
const signIn = (browser: Browser, login: string, password: string) =>
  browser.post("/api/session", { login, password })

describe("the first admin", () => {
  test("is made with the setup code, once, and is signed in", async () => {
    const { hub, browser } = await start()
    const code = hub.sessions.newSetupCode()!
    const page = browser()
    expect(await (await page.get("/api/setup")).json()).toEqual({ needed: true })
    const answer = await page.post("/api/setup", firstAdmin(code.toLowerCase().replaceAll("-", " ")))
    expect(answer.status).toBe(201)
    expect(answer.headers.get("set-cookie")).toMatch(
      /^crux_session=[\w-]{43}; Max-Age=[1-9]\d+; Path=\/; HttpOnly; SameSite=Strict$/,
    )
    expect(await (await page.get("/api/session")).json()).toMatchObject({
      user: { login: "kim", role: "admin" },
    })
    expect(await (await page.get("/api/setup")).json()).toEqual({ needed: false })

    const again = await browser().post("/api/setup", firstAdmin(code))
    expect(again.status).toBe(403)
    expect(hub.sessions.newSetupCode()).toBeNull()
  })

  test("needs the newest code, within half an hour", async () => {
    const { hub, browser, clock } = await start()
    const old = hub.sessions.newSetupCode()!
    const code = hub.sessions.newSetupCode()!
    expect((await browser("10.0.0.2").post("/api/setup", firstAdmin(old))).status).toBe(403)
    clock.pass(31 * 60_000)
    const late = await browser("10.0.0.3").post("/api/setup", firstAdmin(code))
    expect(late.status).toBe(403)
    expect(await late.json()).toMatchObject({ key: "setup_code" })
  })

  test("is one person, even when two use the code at the same time", async () => {
    const { hub, browser } = await start()
    const code = hub.sessions.newSetupCode()!
    const answers = await Promise.all(
      ["kim", "lee"].map((login) => browser().post("/api/setup", { ...firstAdmin(code), login })),
    )
    expect(answers.map((a) => a.status).sort()).toEqual([201, 403])
    expect(hub.users.list()).toHaveLength(1)
  })

  test("may not choose what is guessed first", async () => {
    const { hub, browser } = await start()
    const code = hub.sessions.newSetupCode()!
    for (const password of ["password1234", "kimkimkimkim", "aaaaaaaaaaaaaa", "short"]) {
      const answer = await browser(password).post("/api/setup", { ...firstAdmin(code), password })
      expect(answer.status).toBe(400)
    }
  })
})

describe("signing in", () => {
  test("gives the same answer for a wrong password, an unknown login and a disabled person", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const worker = await test.as("worker")
    const { login } = test.hub.users.find(worker.userId)!
    const wrong = await signIn(test.browser("a"), login, "not this one at all")
    const unknown = await signIn(test.browser("b"), "nobody", "not this one at all")
    await admin.send("PATCH", `/api/users/${worker.userId}`, { disabled: true })
    const disabled = await signIn(test.browser("c"), login, testPassword)
    const bodies = await Promise.all(
      [wrong, unknown, disabled].map(async (a) => ({ ...(await a.json()), request_id: "" })),
    )
    expect([wrong.status, unknown.status, disabled.status]).toEqual([401, 401, 401])
    expect(bodies[1]).toEqual(bodies[0])
    expect(bodies[2]).toEqual(bodies[0])
  })

  test("is slowed down per login and address, also after a restart, and not for others", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const { login } = test.hub.users.find(worker.userId)!
    const attacker = test.browser("10.9.9.9")
    for (let i = 0; i < 5; i++) expect((await signIn(attacker, login, "guess guess guess")).status).toBe(401)
    const blocked = await signIn(attacker, login, testPassword)
    expect(blocked.status).toBe(429)
    expect(Number(blocked.headers.get("retry-after"))).toBeGreaterThan(0)
    await test.restart()
    expect((await signIn(attacker, login, testPassword)).status).toBe(429)
    expect((await signIn(test.browser("10.1.1.1"), login, testPassword)).status).toBe(201)
    test.clock.pass(16 * 60_000)
    expect((await signIn(attacker, login, testPassword)).status).toBe(201)
  })

  test("many guesses sent at once count one by one", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const { login } = test.hub.users.find(worker.userId)!
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => signIn(test.browser("10.9.9.9"), login, "guess guess guess")),
    )
    expect(answers.filter((a) => a.status === 401)).toHaveLength(5)
    expect(answers.filter((a) => a.status === 429)).toHaveLength(15)
  })

  test("by a one-time token works once and within its time", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const token = test.hub.sessions.oneTimeToken(worker.userId)
    expect((await test.browser().post("/api/session", { token })).status).toBe(201)
    expect((await test.browser().post("/api/session", { token })).status).toBe(401)
    const late = test.hub.sessions.oneTimeToken(worker.userId, 15)
    test.clock.pass(16 * 60_000)
    expect((await test.browser().post("/api/session", { token: late })).status).toBe(401)
  })

  test("over TLS binds the cookie to the host", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const token = test.hub.sessions.oneTimeToken(worker.userId)
    const answer = await test.hub.fetch(
      new Request("http://hub.test/api/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token }),
      }),
      { secure: true },
    )
    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-crux_session=.*; Secure; SameSite=Strict$/)
  })
})

describe("a session", () => {
  test("ends by signing out, and its cookie is worth nothing afterwards", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const cookie = worker.cookie()
    expect((await worker.send("DELETE", "/api/session")).status).toBe(204)
    expect(worker.cookie()).toBe("")
    expect((await test.browser().get("/api/session", { cookie })).status).toBe(401)
  })

  test("ends at once when the person is disabled or gets a new password", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const [first, second] = [await test.as("worker"), await test.as("engineer")]
    await admin.send("PATCH", `/api/users/${first.userId}`, { disabled: true })
    await admin.send("PATCH", `/api/users/${second.userId}`, { password: "another wrench in autumn" })
    expect((await first.get("/api/session")).status).toBe(401)
    expect((await second.get("/api/session")).status).toBe(401)
    expect((await admin.get("/api/session")).status).toBe(200)
  })

  test("ends its event stream with it", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const worker = await test.as("worker")
    const stream = await worker.get("/api/live")
    expect(stream.status).toBe(200)
    const ended = stream.text()
    await admin.send("PATCH", `/api/users/${worker.userId}`, { disabled: true })
    test.hub.events.announce("device", { id: "cam-1" })
    expect(await ended).toStartWith("retry:")
  })

  test("ends after its role's idle time, and at its absolute end however it is used", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const other = await test.as("admin")
    for (let i = 0; i < 9; i++) {
      test.clock.pass(50 * 60_000)
      expect((await admin.get("/api/session")).status).toBe(200)
    }
    expect((await other.get("/api/session")).status).toBe(401)
    test.clock.pass(40 * 60_000)
    expect((await admin.get("/api/session")).status).toBe(401)
  })

  test("survives a restart, and the database holds no token of it", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const token = worker.cookie().split("=")[1]!
    await test.restart()
    expect((await test.browser().get("/api/session", { cookie: worker.cookie() })).status).toBe(200)
    const rows = JSON.stringify(test.hub.db.prepare("SELECT * FROM session").all())
    expect(rows).not.toContain(token)
    expect(test.log.join("\n")).not.toContain(token)
  })
})

describe("people", () => {
  test("are added by an admin, once per login, and never show a hash", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const asked = { login: "park", name: "Park", role: "worker", language: "ko", password: testPassword }
    expect((await admin.post("/api/users", asked)).status).toBe(201)
    expect((await admin.post("/api/users", asked)).status).toBe(409)
    const list = await (await admin.get("/api/users")).text()
    expect(list).toContain('"park"')
    expect(list).not.toContain("scrypt")
  })

  test("cannot leave the hub without an admin", async () => {
    const test = await start()
    const admin = await test.as("admin")
    for (const patch of [{ disabled: true }, { role: "worker" }]) {
      const answer = await admin.send("PATCH", `/api/users/${admin.userId}`, patch)
      expect(await answer.json()).toMatchObject({ status: 409, key: "last_admin" })
    }
    expect((await admin.get("/api/users")).status).toBe(200)
  })

  test("may change their own language and nothing else of themselves", async () => {
    const test = await start()
    const worker = await test.as("worker")
    const answer = await worker.send("PATCH", "/api/session", {
      language: "en",
      role: "admin",
      login: "root",
    })
    expect(await answer.json()).toMatchObject({ language: "en", role: "worker" })
    expect(test.hub.users.find(worker.userId)).toMatchObject({ language: "en", role: "worker" })
  })
})

describe("the audit trail", () => {
  test("names who changed what, without secrets, and shows an edited row", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const worker = await test.as("worker")
    await admin.send("PATCH", `/api/users/${worker.userId}`, {
      name: "Another Name",
      password: "another wrench in autumn",
    })
    const { db, audit } = test.hub
    const last = db.prepare("SELECT * FROM audit ORDER BY n DESC LIMIT 1").get()!
    expect(last).toMatchObject({
      by_id: admin.userId,
      action: "user.change_password",
      subject: `user:${worker.userId}`,
    })
    expect(String(last.after)).toContain("Another Name")
    expect(JSON.stringify(last)).not.toContain("wrench")
    expect(JSON.stringify(last)).not.toContain("scrypt")
    expect(audit.verify()).toEqual({ rows: Number(last.n), brokenAt: null })

    expect(() => db.exec("UPDATE audit SET by_name = 'nobody' WHERE n = 2")).toThrow("append-only")
    expect(() => db.exec("DELETE FROM audit WHERE n = 2")).toThrow("append-only")
    db.exec("DROP TRIGGER audit_is_append_only_1; UPDATE audit SET by_name = 'nobody' WHERE n = 2")
    expect(audit.verify().brokenAt).toBe(2)
    db.exec("DROP TRIGGER audit_is_append_only_2; DELETE FROM audit WHERE n = 2")
    expect(audit.verify().brokenAt).toBe(3)
  })

  test("cannot be written: then the change does not happen", async () => {
    const test = await start()
    const admin = await test.as("admin")
    const before = test.hub.users.list().length
    test.hub.db.exec(
      "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'audit disk'); END",
    )
    const asked = { login: "park", name: "Park", role: "worker", language: "ko", password: testPassword }
    const answer = await admin.post("/api/users", asked)
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain("audit disk")
    expect(test.hub.users.list()).toHaveLength(before)
  })
})
