import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { type TopicName, topicOf, topics } from "#contract/topics"
import {
  creditFor,
  isTooLong,
  maxInspection,
  mayLeaveWill,
  mayPublish,
  maySubscribe,
  routeOf,
} from "../../../hub/mqtt/mqtt.rules.ts"

const values = { xfer: "ab12cd34", i: "7" }
const everyTopic = (device: string) =>
  (Object.keys(topics) as TopicName[]).map((name) => ({
    name,
    topic: topicOf(name, { d: device, ...values }),
  }))

/** What a device may do on each of its own topics; on another's it may do nothing. */
const mayOnOwn: Record<TopicName, { publish: boolean; retain: boolean; subscribe: boolean }> = {
  inspection: { publish: true, retain: false, subscribe: false },
  segment: { publish: true, retain: false, subscribe: false },
  chunkGet: { publish: true, retain: false, subscribe: false },
  event: { publish: true, retain: false, subscribe: false },
  verdict: { publish: true, retain: false, subscribe: false },
  state: { publish: true, retain: true, subscribe: false },
  reported: { publish: true, retain: true, subscribe: false },
  desired: { publish: false, retain: false, subscribe: true },
  ack: { publish: false, retain: false, subscribe: true },
  segmentAnswer: { publish: false, retain: false, subscribe: true },
  error: { publish: false, retain: false, subscribe: true },
  chunk: { publish: false, retain: false, subscribe: true },
  trigger: { publish: false, retain: false, subscribe: true },
  hubState: { publish: false, retain: false, subscribe: true },
}
const published = (device: string, topic: string, retain: boolean) =>
  "name" in mayPublish(device, { topic, retain })

describe("line-1 on its own topics", () => {
  for (const { name, topic } of everyTopic("line-1")) {
    const { publish, retain, subscribe } = mayOnOwn[name]
    test(`${name}: publish ${publish}, retain ${retain}, subscribe ${subscribe}`, () => {
      expect(published("line-1", topic, false)).toBe(publish)
      expect(published("line-1", topic, true)).toBe(retain)
      expect(maySubscribe("line-1", topic)).toBe(subscribe)
    })
  }
})

describe("line-1 on the topics of line-2", () => {
  for (const { name, topic } of everyTopic("line-2").filter((t) => t.name !== "hubState")) {
    test(`${name}: nothing`, () => {
      expect(published("line-1", topic, false)).toBe(false)
      expect(published("line-1", topic, true)).toBe(false)
      expect(maySubscribe("line-1", topic)).toBe(false)
    })
  }
})

test("no filter reaches beyond the device's own down topics", () => {
  const filters = [
    "#",
    "+/#",
    "crux/#",
    "crux/v1/#",
    "crux/v1/d/#",
    "crux/v1/d/+/desired",
    "crux/v1/d/+/down/#",
    "$SYS/#",
  ]
  for (const filter of filters) expect(maySubscribe("line-1", filter)).toBe(false)
  expect(maySubscribe("line-1", "crux/v1/d/line-1/down/#")).toBe(true)
  // A device whose name begins like another's.
  expect(maySubscribe("line-1", "crux/v1/d/line-10/down/#")).toBe(false)
})

test("topics that are not ours are nobody's: the broker's own, the sink, look-alikes", () => {
  for (const topic of [
    "$SYS/x",
    "crux/v1/sink",
    "crux/v1/d/line-1/up",
    "crux/v1/d/line-1/up/insp/",
    "crux/v1/d/line-1/down/blob/x/1",
  ]) {
    expect(routeOf(topic)).toBeUndefined()
    expect(published("line-1", topic, false)).toBe(false)
  }
})

test("a payload longer than its topic allows is too long, not a break-in", () => {
  expect(isTooLong("event", 16 * 1024)).toBe(false)
  expect(isTooLong("event", 16 * 1024 + 1)).toBe(true)
  expect(isTooLong("inspection", maxInspection)).toBe(false)
  expect(isTooLong("desired", 1)).toBe(true)
})

test("a will may say only that this device is offline", () => {
  const say = (state: object) => new TextEncoder().encode(JSON.stringify(state))
  const offline = say({ v: 1, online: false, session: "abcd1234", why: "lost", ts: 1 })
  const own = { topic: topicOf("state", { d: "line-1" }), payload: offline, qos: 1, retain: true }
  expect(mayLeaveWill("line-1", own)).toBe(true)
  expect(mayLeaveWill("line-2", own)).toBe(false)
  expect(mayLeaveWill("line-1", { ...own, retain: false })).toBe(false)
  expect(
    mayLeaveWill("line-1", { ...own, payload: say({ v: 1, online: true, session: "abcd1234", ts: 1 }) }),
  ).toBe(false)
  expect(mayLeaveWill("line-1", { ...own, topic: topicOf("inspection", { d: "line-1" }) })).toBe(false)
})

test("credit shrinks as messages wait, so that a part seen just now does not wait behind a backlog", () => {
  const mega = 1024 * 1024
  const credit = (messages: number) => creditFor({ bytes: 0, messages }, 64 * mega).msgs
  expect(credit(0)).toBe(32)
  expect(credit(128)).toBe(16)
  expect(credit(10_000)).toBe(2)
  // Fifty stations that use what they are given come to rest below the limit.
  let waiting = 0
  for (let turn = 0; turn < 50; turn++) waiting = (waiting + 50 * credit(waiting)) / 2
  expect(waiting).toBeLessThan(256)
})

test("credit shrinks as the hub fills, and is never nothing", () => {
  const mega = 1024 * 1024
  expect(creditFor({ bytes: 0, messages: 0 }, 64 * mega)).toEqual({ msgs: 32, bytes: 8 * mega })
  expect(creditFor({ bytes: 32 * mega, messages: 0 }, 64 * mega).msgs).toBe(16)
  expect(creditFor({ bytes: 100 * mega, messages: 0 }, 64 * mega)).toEqual({ msgs: 2, bytes: 2 * mega })
})

describe("whatever is asked for", () => {
  const device = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/)
  const level = fc.oneof(
    fc.constantFrom(
      "crux",
      "v1",
      "d",
      "up",
      "down",
      "insp",
      "desired",
      "state",
      "reported",
      "hub",
      "+",
      "#",
      "$SYS",
    ),
    fc.constantFrom("", "..", "line-1", "line-10", "__proto__", "\0", "%2f"),
    device,
  )
  const path = fc.array(level, { minLength: 1, maxLength: 9 }).map((levels) => levels.join("/"))
  const near = fc
    .tuple(device, fc.constantFrom("up", "down", "state", "reported", "desired"), path)
    .map(([d, kind, rest]) => `crux/v1/d/${d}/${kind}/${rest}`)
  const anyTopic = fc.oneof(path, near)

  test("a device hears only what is its own, and the hub's state", () => {
    fc.assert(
      fc.property(device, anyTopic, (d, filter) => {
        if (!maySubscribe(d, filter)) return
        expect(
          filter === topicOf("hubState") ||
            filter === topicOf("desired", { d }) ||
            filter.startsWith(`crux/v1/d/${d}/down/`),
        ).toBe(true)
      }),
      { numRuns: 5_000 },
    )
  })

  test("a device says only what is its own, never downwards, never with a wildcard", () => {
    fc.assert(
      fc.property(device, anyTopic, fc.boolean(), (d, topic, retain) => {
        if (!published(d, topic, retain)) return
        expect(topic.startsWith(`crux/v1/d/${d}/`)).toBe(true)
        expect(topic).not.toMatch(/[+#\0]|\/down\/|\/desired/)
        if (retain) expect(topic).toMatch(/\/(state|reported)$/)
      }),
      { numRuns: 5_000 },
    )
  })

  test("what one device may hear, another may not say: nobody can give orders in the hub's name", () => {
    fc.assert(
      fc.property(device, device, anyTopic, (a, b, topic) => {
        expect(maySubscribe(a, topic) && published(b, topic, false)).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })
})
