import { createHash } from "node:crypto"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { InspectionHeader } from "#contract/inspection"
import { createHub } from "../../../hub/hub.ts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { theHub } from "../../../hub/platform/audit.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { bunPorts } from "../../../hub/ports.bun.ts"
import { readConfig } from "../../../hub/read-config.ts"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { assetsOf } from "../../ui/support/built.ts"
import { paintPictures } from "../../ui/support/pictures.ts"

/**
 * A hub for tablets, to be killed: `hub.child.ts DATA PORT UI PARTS [usual]`. At its first start it makes people (an engineer, two
 * workers with a PIN, one with a badge) and parts with real pictures. While the file `die` lies in DATA, it dies right
 * after it has stored a label and before it answers. Passwords and PINs cost little, unless they are to cost the usual.
 * Prints one JSON line when it is ready.
 */
const [data = "", port = "0", ui = "", parts = "0", cost] = process.argv.slice(2)
const password = "a torque wrench in spring"
const { config } = readConfig({
  flags: { data, "mqtt-port": "0", "mqtt-tls-port": "0", "http-port": port, "log-level": "error" },
  environment: {},
})
const hub = await createHub(config, {
  ...bunPorts(),
  openAsset: assetsOf(ui),
  ...(cost !== "usual" && { passwordCost: { N: 2 ** 4, r: 8, p: 1 } }),
})
await hub.start()
if (hub.users.list().length === 0) await fill()
const last = join(data, "die")
const served = serveHttp({
  host: "127.0.0.1",
  port: Number(port),
  async fetch(request, client) {
    const answer = await hub.fetch(request, client)
    if (answer.status === 201 && new URL(request.url).pathname === "/api/labels" && existsSync(last)) {
      rmSync(last)
      process.kill(process.pid, "SIGKILL")
    }
    return answer
  },
})
console.log(JSON.stringify({ url: `http://127.0.0.1:${served.port}`, password }))

async function fill(): Promise<void> {
  const person = (login: string, name: string, role: "engineer" | "worker") =>
    hub.users.create(theHub, { login, name, role, language: "ko", password })
  const engineer = await person("kim", "김민지", "engineer")
  for (const [login, name] of [
    ["lee", "이영수"],
    ["park", "박서연"],
  ] as const) {
    const worker = await person(login, name, "worker")
    await hub.tablets.setPin(engineer, worker.id, "4096")
    if (login === "park") hub.tablets.setBadge(engineer, worker.id, "CRUXBADGE0042")
  }
  const store = createInspectionStore({ sqlite: hub.db })
  hub.db.exec("INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam-1', 'Cam 1', 0, '')")
  const painted = await paintPictures(Math.min(Number(parts), 40), 320)
  for (let i = 0; i < Number(parts); i++) {
    const picture = painted[i % painted.length]!
    // What comes after the end of a JPEG is not looked at, and makes it another one.
    const bytes = i < painted.length ? picture.jpeg : Buffer.concat([picture.jpeg, Buffer.from(String(i))])
    await hub.blobs.put(bytes)
    const header: InspectionHeader = {
      v: 1,
      id: systemIds.uuid(),
      boot: "abcdefgh",
      seq: i + 1,
      ts: Date.now(),
      part_id: `P-${String(i).padStart(4, "0")}`,
      verdict: { eval: "ng", score: 0.9, t_low: 0.4, t_high: 0.6 },
      findings: [],
      policy: { why_sent: "all", image: "full" },
      parts: [
        {
          name: "main",
          mime: "image/jpeg",
          len: bytes.length,
          sha256: createHash("sha256").update(bytes).digest("hex"),
          w: picture.w,
          h: picture.h,
        },
      ],
    }
    store.insert({ header, headerText: JSON.stringify(header), device: "cam-1", receivedAt: Date.now() })
  }
}
