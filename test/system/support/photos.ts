import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { loadSharp } from "#models/native"
import { createRandom } from "../../../edge/simulator/random.ts"

const size = { width: 320, height: 240 }
/** Forty good parts are trained on: long enough at work to be stopped or killed there. */
const counts = { "train/good": 80, "test/good": 8, "test/dent": 8 }

/** A folder of small pictures as `crux demo --images` takes it: ready in no time, where parts that are drawn take their while. */
export async function writePhotos(dir: string): Promise<string> {
  const sharp = await loadSharp()
  const random = createRandom("photos")
  for (const [folder, count] of Object.entries(counts)) {
    await mkdir(join(dir, folder), { recursive: true })
    for (let n = 0; n < count; n++) {
      const grey = Buffer.from(
        Uint8Array.from({ length: size.width * size.height }, () => 100 + random.below(40)),
      )
      if (folder === "test/dent") grey.fill(10, 10_000 + 640 * n, 13_000 + 640 * n)
      const picture = sharp(grey, { raw: { ...size, channels: 1 } }).jpeg()
      await writeFile(join(dir, folder, `${n}.jpg`), await picture.toBuffer())
    }
  }
  return dir
}
