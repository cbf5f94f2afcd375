import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { LabelRevision } from "#contract/labelling"
import type { Badge, LabelPass, PersonAccess, TabletCode, ThisTablet } from "#contract/tablets"
import { mayGiveAccess, normalizeBadge, pinWeakness } from "../../hub/users/tablets.rules.ts"
import type { Browser, TestHub } from "./support/hub.ts"
import { startTestHub, testPassword } from "./support/hub.ts"
import { newLabel, storeParts } from "./support/parts.ts"

/** One hub for all: each test brings its own people and tablets. */
let theHub: TestHub
beforeAll(async () => {
  theHub = await startTestHub()
})
afterAll(() => theHub.stop())
async function start() {
  return { test: theHub, engineer: await theHub.as("engineer") }
}

const pin = "4096"

async function enrol(engineer: Browser, tablet: Browser, name = "Line 3"): Promise<ThisTablet> {
  const made = await engineer.post("/api/tablets/codes", { name })
  expect(made.status).toBe(201)
  const { code } = (await made.json()) as TabletCode
  const answer = await tablet.post("/api/tablet", { code })
  expect(answer.status).toBe(201)
  return answer.json() as Promise<ThisTablet>
}

async function withPin(test: TestHub, engineer: Browser) {
  const worker = await test.as("worker")
  expect((await engineer.send("PUT", `/api/users/${worker.userId}/pin`, { pin })).status).toBe(204)
  return worker
}

const keyOf = async (answer: Response) => ((await answer.json()) as { key: string }).key

describe("an enrolled tablet", () => {
  test("comes in by a code that works once, and shows who may sign in there", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const { code } = (await (
      await engineer.post("/api/tablets/codes", { name: "Line 3" })
    ).json()) as TabletCode
    const tablet = test.browser("10.0.1.1")
    expect(await (await tablet.get("/api/tablet")).json()).toEqual({
      tablet: null,
      people: [],
      idle_lock_minutes: 0,
    })
    const answer = await tablet.post("/api/tablet", { code: code.toLowerCase() })
    expect(answer.status).toBe(201)
    expect(answer.headers.get("set-cookie")).toMatch(
      /^crux_tablet=[\w-]{43}; Max-Age=34560000; Path=\/; HttpOnly; SameSite=Strict$/,
    )
    const face = (await (await tablet.get("/api/tablet")).json()) as ThisTablet
    expect(face.tablet?.name).toBe("Line 3")
    expect(face.people.map(({ id }) => id)).toContain(worker.userId)
    expect((await test.browser("10.0.1.2").post("/api/tablet", { code })).status).toBe(403)
    const rows = JSON.stringify(test.hub.db.prepare("SELECT * FROM tablet").all())
    expect(rows).not.toContain(tablet.cookie().split("=")[1]!)
  })

  test("is worth nothing once it is taken back, and neither is any session on it", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const tablet = test.browser("10.0.1.1")
    const { tablet: known } = await enrol(engineer, tablet)
    expect((await tablet.post("/api/session", { user: worker.userId, pin })).status).toBe(201)
    expect(await (await tablet.get("/api/session")).json()).toMatchObject({ tablet: { name: "Line 3" } })
    expect((await engineer.send("DELETE", `/api/tablets/${known?.id}`)).status).toBe(204)
    expect((await tablet.get("/api/session")).status).toBe(401)
    expect(await keyOf(await tablet.post("/api/session", { user: worker.userId, pin }))).toBe("tablet_needed")
    expect(((await (await tablet.get("/api/tablet")).json()) as ThisTablet).tablet).toBeNull()
    // The person's own session elsewhere goes on.
    expect((await worker.get("/api/session")).status).toBe(200)
  })

  test("enrolled once more leaves its first life behind", async () => {
    const { test, engineer } = await start()
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet, "Hall 7")
    await enrol(engineer, tablet, "Hall 8")
    const { items } = (await (await engineer.get("/api/tablets")).json()) as {
      items: { name: string; revoked: boolean }[]
    }
    const halls = items.filter(({ name }) => name.startsWith("Hall"))
    expect(halls.map(({ name, revoked }) => [name, revoked])).toEqual([
      ["Hall 8", false],
      ["Hall 7", true],
    ])
  })

  test("takes no code that is older than a quarter of an hour", async () => {
    const { test, engineer } = await start()
    const { code } = (await (
      await engineer.post("/api/tablets/codes", { name: "Line 3" })
    ).json()) as TabletCode
    test.clock.pass(16 * 60_000)
    expect(await keyOf(await test.browser("10.0.1.1").post("/api/tablet", { code }))).toBe("tablet_code")
  })
})

describe("a PIN", () => {
  test("signs in on an enrolled tablet and nowhere else", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet)
    const asked = { user: worker.userId, pin }
    expect(await keyOf(await test.browser("10.0.1.2").post("/api/session", asked))).toBe("tablet_needed")
    const answer = await tablet.post("/api/session", asked)
    expect(answer.status).toBe(201)
    expect(await answer.json()).toMatchObject({ user: { id: worker.userId }, tablet: { name: "Line 3" } })
  })

  test("is slowed down per tablet, and after ten wrong tries on all of them worth nothing until the person proves otherwise", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const [one, two] = [test.browser("10.0.1.1"), test.browser("10.0.1.2")]
    await enrol(engineer, one)
    await enrol(engineer, two, "Line 4")
    const wrong = { user: worker.userId, pin: "7531" }
    for (let i = 0; i < 5; i++) expect((await one.post("/api/session", wrong)).status).toBe(401)
    expect((await one.post("/api/session", { ...wrong, pin })).status).toBe(429)
    await test.restart()
    for (let i = 0; i < 4; i++) expect((await two.post("/api/session", wrong)).status).toBe(401)
    expect(await keyOf(await two.post("/api/session", wrong))).toBe("pin_locked")
    test.clock.pass(20 * 60_000)
    expect(await keyOf(await one.post("/api/session", { ...wrong, pin }))).toBe("pin_locked")
    const { items } = (await (await engineer.get("/api/tablets/people")).json()) as { items: PersonAccess[] }
    expect(items.find(({ user_id }) => user_id === worker.userId)).toMatchObject({ pin: true, locked: true })
    const { login } = test.hub.users.find(worker.userId)!
    expect((await test.browser().post("/api/session", { login, password: testPassword })).status).toBe(201)
    test.clock.pass(20 * 60_000)
    expect((await one.post("/api/session", { ...wrong, pin })).status).toBe(201)
  }, 30_000)

  test("does for workers alone unless an engineer allows more, and never for an admin", async () => {
    const { test, engineer } = await start()
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet)
    const admin = await test.as("admin")
    const reviewer = await test.as("reviewer")
    for (const id of [reviewer.userId, admin.userId])
      expect((await admin.send("PUT", `/api/users/${id}/pin`, { pin })).status).toBe(204)
    expect(await keyOf(await tablet.post("/api/session", { user: reviewer.userId, pin }))).toBe("pin_role")
    const settings = { idle_lock_minutes: 5, pin_up_to: "reviewer" }
    expect((await engineer.send("PUT", "/api/tablets/settings", settings)).status).toBe(200)
    expect((await tablet.post("/api/session", { user: reviewer.userId, pin })).status).toBe(201)
    expect(await keyOf(await tablet.post("/api/session", { user: admin.userId, pin }))).toBe("pin_role")
    const more = { ...settings, pin_up_to: "engineer" }
    expect((await engineer.send("PUT", "/api/tablets/settings", more)).status).toBe(403)
    const face = (await (await tablet.get("/api/tablet")).json()) as ThisTablet
    const shown = face.people.map(({ id }) => id)
    expect(shown).toContain(reviewer.userId)
    expect(shown).not.toContain(admin.userId)
    expect(face.idle_lock_minutes).toBe(5)
  })

  test("of a person of the same or a higher role is an admin's to set", async () => {
    const { test, engineer } = await start()
    const other = await test.as("engineer")
    const admin = await test.as("admin")
    for (const id of [other.userId, admin.userId])
      expect(await keyOf(await engineer.send("PUT", `/api/users/${id}/pin`, { pin }))).toBe("access_role")
    expect((await engineer.send("PUT", `/api/users/${engineer.userId}/pin`, { pin })).status).toBe(204)
  })

  test("that thumbs find first is refused", async () => {
    const { test, engineer } = await start()
    const worker = await test.as("worker")
    for (const weak of ["0000", "1234", "987654", "1004"])
      expect(
        await keyOf(await engineer.send("PUT", `/api/users/${worker.userId}/pin`, { pin: weak })),
      ).toStartWith("pin_")
  })

  test("is changed by its owner, who knows the one before", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet)
    await tablet.post("/api/session", { user: worker.userId, pin })
    expect((await tablet.send("PUT", "/api/session/pin", { pin: "8520", current: "0001" })).status).toBe(401)
    expect((await tablet.send("PUT", "/api/session/pin", { pin: "8520", current: pin })).status).toBe(204)
    expect((await tablet.post("/api/session", { user: worker.userId, pin })).status).toBe(401)
    expect((await tablet.post("/api/session", { user: worker.userId, pin: "8520" })).status).toBe(201)
  })

  test("unlocks the screen without ending the session", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet)
    await tablet.post("/api/session", { user: worker.userId, pin })
    const cookie = tablet.cookie()
    expect((await tablet.post("/api/session/unlock", { pin: "0001" })).status).toBe(401)
    expect((await tablet.post("/api/session/unlock", { pin })).status).toBe(204)
    expect((await tablet.post("/api/session/unlock", { password: testPassword })).status).toBe(204)
    expect(tablet.cookie()).toBe(cookie)
  })
})

describe("a badge", () => {
  test("names its owner on an enrolled tablet, and the PIN is still asked for", async () => {
    const { test, engineer } = await start()
    const worker = await withPin(test, engineer)
    const made = await engineer.send("PUT", `/api/users/${worker.userId}/badge`, {})
    const { code } = (await made.json()) as Badge
    const tablet = test.browser("10.0.1.1")
    expect(await keyOf(await tablet.post("/api/tablet/badge", { badge: code }))).toBe("tablet_needed")
    await enrol(engineer, tablet)
    const typed = `;${code.toLowerCase()}?`
    expect(await (await tablet.post("/api/tablet/badge", { badge: typed })).json()).toMatchObject({
      id: worker.userId,
    })
    expect((await tablet.post("/api/session", { badge: typed, pin: "0001" })).status).toBe(401)
    expect((await tablet.post("/api/session", { badge: typed, pin })).status).toBe(201)
    expect(JSON.stringify(test.hub.db.prepare("SELECT * FROM badge").all())).not.toContain(code)
    expect((await engineer.send("DELETE", `/api/users/${worker.userId}/badge`)).status).toBe(204)
    expect((await tablet.post("/api/tablet/badge", { badge: code })).status).toBe(404)
  })

  test("of the company is taken as it is, for one person", async () => {
    const { test, engineer } = await start()
    const [one, two] = [await withPin(test, engineer), await test.as("worker")]
    const put = (id: string) => engineer.send("PUT", `/api/users/${id}/badge`, { code: "0004 711-2233" })
    expect((await put(one.userId)).status).toBe(200)
    expect(await keyOf(await put(two.userId))).toBe("badge_taken")
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet)
    expect((await tablet.post("/api/session", { badge: "00047112233", pin })).status).toBe(201)
  })
})

describe("labels on shared tablets", () => {
  test("say on which tablet they were made, and when somebody else had judged meanwhile", async () => {
    const { test, engineer } = await start()
    const [id = ""] = storeParts(test, 1)
    const worker = await withPin(test, engineer)
    const other = await test.as("reviewer")
    const tablet = test.browser("10.0.1.1")
    await enrol(engineer, tablet)
    await tablet.post("/api/session", { user: worker.userId, pin })
    const drawn = await (await tablet.post("/api/labelling/next", { stock: true })).json()
    expect(drawn.lease.expires_at - test.clock.now()).toBeGreaterThan(15 * 60_000)
    // The tablet is away until after its lease; somebody else judges.
    test.clock.pass(30 * 60_000)
    expect((await other.post("/api/labels", newLabel(id, { verdict: "unsure" }))).status).toBe(201)
    const late = newLabel(id, { lease_id: drawn.lease.id })
    const first = await (await tablet.post("/api/labels", late)).json()
    expect(first).toMatchObject({ revision: 2, duplicate: false, unseen: { revision: 1, verdict: "unsure" } })
    const again = await (await tablet.post("/api/labels", late)).json()
    expect(again).toEqual({ ...first, duplicate: true })
    const { items } = (await (await worker.get(`/api/inspections/${id}/labels`)).json()) as {
      items: LabelRevision[]
    }
    expect(items.map(({ tablet, unseen }) => [tablet?.name, unseen])).toEqual([
      [undefined, undefined],
      ["Line 3", 1],
    ])
    expect(items[1]).toMatchObject({ shown_at: 1_000, decided_at: 2_500, active_ms: 1_400 })
  })

  test("left unsent come in by their owner's pass, in that person's name alone, until the tablet is taken back", async () => {
    const { test, engineer } = await start()
    const [one = "", two = "", three = ""] = storeParts(test, 3)
    const worker = await withPin(test, engineer)
    const next = await withPin(test, engineer)
    const tablet = test.browser("10.0.1.1")
    const { tablet: known } = await enrol(engineer, tablet)
    await tablet.post("/api/session", { user: worker.userId, pin })
    const { token } = (await (await tablet.post("/api/session/label-pass")).json()) as LabelPass
    const pass = { "crux-label-pass": token }
    expect((await tablet.post("/api/session", { user: next.userId, pin })).status).toBe(201)
    const label = newLabel(one)
    expect((await tablet.post("/api/labels/kept", label, pass)).status).toBe(201)
    expect((await tablet.post("/api/labels/kept", label, pass)).status).toBe(200)
    const { items } = (await (await worker.get(`/api/inspections/${one}/labels`)).json()) as {
      items: LabelRevision[]
    }
    expect(items.map(({ by, tablet }) => [by.id, tablet?.name])).toEqual([[worker.userId, "Line 3"]])
    // Nobody signed in at all: the tablet lies on the bench and empties itself.
    await tablet.send("DELETE", "/api/session")
    expect((await tablet.post("/api/labels/kept", newLabel(two), pass)).status).toBe(201)
    expect((await tablet.post("/api/labels/kept", newLabel(three))).status).toBe(401)
    expect((await tablet.get("/api/labelling/stats", pass)).status).toBe(401)
    await engineer.send("DELETE", `/api/tablets/${known?.id}`)
    expect(await keyOf(await tablet.post("/api/labels/kept", newLabel(three), pass))).toBe("label_pass")
  })

  test("are stored in nobody else's name when the tablet has changed hands between the tap and the request", async () => {
    const { test } = await start()
    const [id = ""] = storeParts(test, 1)
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    const named = { "crux-user": one.userId }
    expect(await keyOf(await two.post("/api/labels", newLabel(id), named))).toBe("other_person")
    expect(await keyOf(await two.post("/api/session/label-pass", undefined, named))).toBe("other_person")
    expect(await (await one.get(`/api/inspections/${id}/labels`)).json()).toMatchObject({ items: [] })
    expect((await one.post("/api/labels", newLabel(id), named)).status).toBe(201)
  })

  test("of parts that are held and named keep their leases for as long as the tablet says so", async () => {
    const { test } = await start()
    storeParts(test, 2)
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    const task = await (await one.post("/api/labelling/next", { stock: true })).json()
    const holding = [task.inspection.id]
    for (let i = 0; i < 4; i++) {
      test.clock.pass(15 * 60_000)
      const answer = await one.post("/api/labelling/renew", { holding, stock: true })
      expect(await answer.json()).toEqual({ held: holding })
    }
    test.clock.pass(25 * 60_000)
    await two.post("/api/labelling/next", { holding: [] })
    await two.post("/api/labelling/next", { holding: [] })
    expect(await (await one.post("/api/labelling/renew", { holding })).json()).toEqual({ held: [] })
  })
})

describe("the rules", () => {
  test("nobody but an admin gives access to a person of their own role or above", () => {
    const person = fc.record({
      id: fc.constantFrom("a", "b"),
      role: fc.constantFrom("worker", "reviewer", "engineer", "admin"),
    } as const)
    const order = ["worker", "reviewer", "engineer", "admin"]
    fc.assert(
      fc.property(person, person, (by, to) => {
        if (mayGiveAccess(by, to) && by.id !== to.id && by.role !== "admin")
          expect(order.indexOf(to.role)).toBeLessThan(order.indexOf(by.role))
      }),
    )
  })

  test("a badge means the same whatever a reader types around it", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9A-Z]{8,20}$/),
        fc.constantFrom("", ";", " ", "%"),
        (code, around) => {
          expect(normalizeBadge(`${around}${code.toLowerCase()}${around}\r`)).toBe(code)
        },
      ),
    )
  })

  test("most PINs are good, and each weak one says why", () => {
    const all = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(4, "0"))
    expect(all.filter((text) => pinWeakness(text) !== null).length).toBeLessThan(50)
    expect(pinWeakness("1111")).toBe("repeats")
    expect(pinWeakness("8901")).toBe("row")
    expect(pinWeakness("3210")).toBe("row")
    expect(pinWeakness("2580")).toBe("common")
  })
})
