import { version } from "./cli/version.command.ts"
import type { HubPorts } from "./hub.ts"
import { openAsset } from "./platform/assets.ts"
import { systemClock } from "./platform/clock.ts"
import { systemIds } from "./platform/ids.ts"
import { openSqlite } from "./platform/sqlite.bun.ts"

/** The hub's ports on Bun: its SQLite, the shipped assets, the system's clock and chance, the log on stderr. */
export function bunPorts(): HubPorts {
  return {
    openSqlite,
    openAsset,
    clock: systemClock,
    ids: systemIds,
    writeLog: (line) => void process.stderr.write(`${line}\n`),
    version,
  }
}
