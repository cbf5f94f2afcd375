import { execFile } from "node:child_process"
import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BrokerStatus } from "#contract/broker"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Credentials } from "./broker-settings.ts"
import { createPasswordFile } from "./password-file.ts"

const firstKnockMs = 100
const longestKnockMs = 15_000
/** A broker that has not read the files for so long is worth a line in the log. */
const patienceMs = 10_000
const reloadTimeoutMs = 30_000

export type AccessFacts = {
  readonly brokerEntries: () => { id: string; entry: string | null }[]
  readonly endedCertificates: () => { serial: string; at: number }[]
}

/**
 * Keeps the files from which a broker of the plant learns who may come in: passwords, and with certificates the hub's
 * authority and the list of revoked ones. A broker reads them when it is told to, so the hub runs the command that tells
 * it, and does not believe it: it asks the broker, as a witness whom only the newest file knows. Whoever was taken out of
 * service is cut off then.
 */
export function createBrokerAccess({
  passwords,
  certificates,
  reload,
  fleet,
  authority,
  hubUser,
  knock,
  cut,
  clock,
  log,
}: {
  /** Password file. */
  passwords: string
  /** Folder of the authority and the list; empty: stations have no certificates. */
  certificates: string
  /** Words of the command; none: somebody else tells the broker. */
  reload: readonly string[]
  fleet: AccessFacts
  authority: {
    readonly pem: string
    readonly revocationList: (revoked: readonly { serial: string; at: number }[]) => Promise<string>
  }
  /** The hub's own line is not a station's, whatever a station is called. */
  hubUser: string | undefined
  /** Whether the broker lets this user in; false also when it does not answer. Absent: it cannot be asked. */
  knock?: ((witness: Credentials) => Promise<boolean>) | undefined
  /** Ends the connection of a device that proved itself by a certificate: reading the list does not. */
  cut: (device: string) => Promise<void>
  clock: Clock
  log: Log
}) {
  const files = [passwords, ...(certificates === "" ? [] : [join(certificates, "revoked.pem")])]
  const gone = new Set<string>()
  let status: NonNullable<BrokerStatus["access"]> = { files, state: "waiting", changed_at: clock.now() }
  let changes = 0
  let stopped = false
  let working: Promise<void> | undefined
  let wake = () => {}

  const file = createPasswordFile({
    path: passwords,
    entries: () => fleet.brokerEntries().filter(({ id }) => id !== hubUser),
    onFailure: (error) => fail(error),
  })
  const fail = (error: unknown) => {
    const trouble = error instanceof Error ? error.message : String(error)
    status = { ...status, state: "failed", trouble }
    log.error("broker_files_not_written", { files: files.join(), error: trouble })
  }

  /** Undefined when something could not be written. The witness comes last: it must not speak for what is not there. */
  const write = async (): Promise<Credentials | undefined> => {
    if (certificates === "") return file.writeWithWitness("")
    const ended = fleet.endedCertificates()
    try {
      replace(join(certificates, "hub-ca.pem"), authority.pem)
      replace(join(certificates, "revoked.pem"), await authority.revocationList(ended))
    } catch (error) {
      return void fail(error)
    }
    return file.writeWithWitness(ended.map(({ serial }) => serial).join())
  }

  const tell = async (): Promise<void> => {
    const [program, ...args] = reload
    if (program === undefined) return
    const trouble = await new Promise<string | undefined>((resolve) => {
      execFile(program, args, { timeout: reloadTimeoutMs }, (error, _out, err) =>
        resolve(error ? `${error.message.split("\n")[0]} ${err.trim().slice(-200)}`.trim() : undefined),
      )
    })
    if (trouble === undefined) return
    status = { ...status, trouble }
    log.error("broker_not_reloaded", { command: program, error: trouble })
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Resolves once the broker has read what was written as `change`, or there is something newer. */
  const prove = async (change: number, witness: Credentials): Promise<void> => {
    const since = clock.now()
    let warned = false
    for (let wait = firstKnockMs; !stopped && change === changes; wait = Math.min(2 * wait, longestKnockMs)) {
      const read = knock
        ? await knock(witness).catch(() => false)
        : reload.length > 0 && status.trouble === undefined
      if (change !== changes) return
      if (read) {
        const { trouble: _, ...rest } = status
        status = { ...rest, state: "read", read_at: clock.now() }
        log.info("broker_files_read", { files: files.join() })
        return await cutGone()
      }
      if (!warned && clock.now() - since > patienceMs) {
        warned = true
        const remedy = "tell the broker to read its files again"
        log.warn("broker_files_not_read", { files: files.join(), remedy })
      }
      await pause(wait)
    }
  }

  const cutGone = async (): Promise<void> => {
    const devices = [...gone]
    gone.clear()
    if (certificates === "") return
    for (const device of devices)
      await cut(device).catch((error) => log.warn("device_not_cut", { device, error: String(error) }))
  }

  const work = async (): Promise<void> => {
    let done = -1
    while (!stopped && done !== changes) {
      done = changes
      const witness = await write()
      if (!witness) continue
      await tell()
      await prove(done, witness)
    }
  }

  return {
    /** Who may connect has changed, and is committed. */
    change: (): void => {
      changes += 1
      status = { files, state: "waiting", changed_at: clock.now() }
      wake()
      working ??= work().finally(() => {
        working = undefined
      })
    },
    /** The device may not come back as what it was. */
    disconnect: (device: string): void => void gone.add(device),
    status: () => status,
    close: async (): Promise<void> => {
      stopped = true
      wake()
      await working
    },
  }
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o644 })
  renameSync(`${path}.new`, path)
}
