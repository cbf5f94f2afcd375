/**
 * A camera's bridge as a plant would write it, in the language of the day: `bun bridge.child.ts MODE`. Speaks CXR1 by
 * the page in docs and shares no code with the station.
 */
const mode = process.argv[2] ?? "three"

function send(header: Record<string, unknown>, pixels: Uint8Array) {
  const json = Buffer.from(JSON.stringify(header))
  const head = Buffer.alloc(8)
  head.write("CXR1", 0, "latin1")
  head.writeUInt32LE(json.length, 4)
  process.stdout.write(Buffer.concat([head, json, pixels]))
}
const picture = (format: string, pixels: number[], more: Record<string, unknown> = {}) =>
  send({ width: 2, height: 1, format, bytes: pixels.length, ...more }, Uint8Array.from(pixels))

console.error(`bridge in mode ${mode}`)
switch (mode) {
  case "three":
    picture("mono8", [10, 20], { part_id: "A", product_id: "tile" })
    picture("rgb8", [1, 2, 3, 4, 5, 6], { part_id: "B" })
    picture("bgr8", [3, 2, 1, 6, 5, 4], { part_id: "C", age_ms: 5 })
    setInterval(() => {}, 1_000)
    break
  case "flood":
    for (let i = 1; i <= 12; i++) picture("mono8", [i, i], { part_id: `P${i}` })
    setInterval(() => {}, 1_000)
    break
  case "bayer":
    picture("bayer_rg8", [1, 2])
    setInterval(() => {}, 1_000)
    break
  case "short":
    send({ width: 4, height: 4, format: "mono8", bytes: 15 }, new Uint8Array(15))
    setInterval(() => {}, 1_000)
    break
  case "huge":
    send({ width: 12_000, height: 9_000, format: "mono8", bytes: 108_000_000 }, new Uint8Array(10))
    setInterval(() => {}, 1_000)
    break
  case "garbage":
    process.stdout.write("Hello, I am no bridge at all, just a program that talks a lot.")
    setInterval(() => {}, 1_000)
    break
  case "dies":
    picture("mono8", [1, 2], { part_id: "last" })
    setTimeout(() => process.exit(3), 100)
    break
  case "asked":
  case "deaf":
    // One JSON line a trigger; `deaf` answers only the first.
    for await (const line of console) {
      const { trigger, part_id } = JSON.parse(line)
      if (mode === "asked" || part_id === "first") picture("mono8", [7, 7], { trigger })
    }
    break
}

export {}
