import { openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { createRandom } from "../../../edge/simulator/random.ts"
import { createLedger } from "../ledger.ts"
import { enrolStations, readyHub } from "../plant.ts"
import { holds, openStation } from "../station.ts"

/**
 * A plant to be cut off: `plant.child.ts FOLDER SEED PARTS`. Runs a real hub on FOLDER/hub and two stations, and writes
 * into FOLDER/marks what it could rely on and when, so that it stands in the trace between the calls to the kernel.
 */
const [folder = "", seed = "1", parts = "100"] = process.argv.slice(2)
const marks = openSync(join(folder, "marks"), "a")
const mark = (...words: string[]) => writeSync(marks, `${words.join(" ")}\n`)

const hub = await readyHub(join(folder, "hub"))
const names = ["line-1", "line-2"]
const ledger = createLedger()
const stations = await Promise.all(
  (await enrolStations(hub, names)).map((enrolment, i) =>
    openStation({
      folder: join(folder, names[i]!),
      enrolment,
      ledger,
      random: createRandom(`powercut-${seed}-${i}`),
      onAck: (id) => void mark("acknowledged", id),
    }),
  ),
)
const random = createRandom(`powercut-${seed}`)
await Promise.all(
  stations.map(async (station) => {
    station.link.start()
    for (let part = 0; part < Number(parts) / stations.length; part++) {
      const id = await station.inspect()
      const { device, partId, image } = ledger.entries.get(id)!
      mark("made", id, device, partId, image ?? "")
      await Bun.sleep(random.below(12))
    }
  }),
)
const sent = await holds(() => stations.every(({ outbox }) => outbox.totals().depth === 0), 60_000)
// Cut off while all of it runs: an orderly end would sync more.
await hub.kill()
process.exit(sent ? 0 : 1)
