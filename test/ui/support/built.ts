import { join } from "node:path"
import type { OpenAsset } from "../../../hub/http/ui.routes.ts"

/** How a hub is given the screens that lie built in a folder. */
export const assetsOf =
  (ui: string): OpenAsset =>
  async (name) => {
    const file = Bun.file(join(ui, name.replace(/^ui\//, "")))
    return (await file.exists()) ? new Uint8Array(await file.arrayBuffer()) : null
  }
