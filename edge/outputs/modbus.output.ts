import { Socket } from "node:net"
import { ModbusTCPClient } from "jsmodbus"
import type { Evaluation } from "#contract/inspection"
import type { OutputDriver } from "./output.ts"

/** Where a PLC reads; addresses are those of the protocol, from 0. What is left out is not written. */
export type ModbusMap = {
  registers: Partial<Record<"verdict" | "counter" | "heartbeat" | "busy", number>>
  coils: Partial<Record<"ok" | "ng" | "undecidable" | "busy" | "heartbeat", number>>
  /** Values of the verdict register. `none` stands there while a part is looked at. */
  codes: Record<"none" | "ok" | "ng" | "undecidable", number>
}

export type ModbusOutputOptions = {
  name: string
  host: string
  port: number
  unit: number
  map: ModbusMap
  timeout_ms: number
  heartbeat_ms: number
  /** What to say about the connection, for the log. */
  onState: (state: "connected" | "lost") => void
}

const leastPauseMs = 250
const mostPauseMs = 5_000

/**
 * Holds a PLC's picture of the station true over Modbus TCP: verdict, part counter, busy and heartbeat. The counter
 * moves after the verdict stands, so that a PLC that waits for it never reads the verdict of another part. Nothing is
 * written later than it was meant: without a connection a verdict fails at once, and the heartbeat stands still.
 */
export function createModbusOutput(options: ModbusOutputOptions): OutputDriver {
  const { name, host, port, unit, map, timeout_ms, heartbeat_ms, onState } = options
  const { registers, coils, codes } = map
  let socket: Socket | undefined
  let client: ModbusTCPClient | undefined
  let why = "is not connected yet"
  let wait = leastPauseMs
  let reconnect: ReturnType<typeof setTimeout> | undefined
  let closed = false
  let counter = 0
  let beat = 0
  /** One request after the other: PLCs are not good at several, and the order matters. */
  let last: Promise<unknown> = Promise.resolve()

  function connect() {
    const mine = new Socket()
    // Before the socket connects: it listens for that.
    const plc = new ModbusTCPClient(mine, unit, timeout_ms)
    socket = mine
    mine.setNoDelay(true)
    const limit = setTimeout(() => mine.destroy(new Error("does not accept connections")), 3_000)
    mine.on("error", (error) => {
      why = "code" in error ? String(error.code) : error.message
    })
    mine.on("connect", () => {
      clearTimeout(limit)
      client = plc
      wait = leastPauseMs
      onState("connected")
      // Whatever stands there is of the time before.
      writeState("none", false).catch(() => {})
    })
    mine.on("close", () => {
      clearTimeout(limit)
      if (client) onState("lost")
      client = undefined
      if (closed) return
      reconnect = setTimeout(connect, wait)
      wait = Math.min(mostPauseMs, wait * 2)
    })
    mine.connect(port, host)
  }

  function inTurn(work: (client: ModbusTCPClient) => Promise<unknown>): Promise<void> {
    const turn = last.then(async () => {
      if (!client) throw new Error(`the PLC at ${host}:${port} ${why}`)
      const on = socket
      try {
        await work(client)
      } catch (error) {
        const what = reasonOf(error)
        // An answer that comes after its time must not be taken for the next one's.
        if (what === undefined) on?.destroy()
        why = what ?? `does not answer within ${timeout_ms} ms`
        throw new Error(`the PLC at ${host}:${port} ${why}`)
      }
    })
    last = turn.catch(() => {})
    return turn
  }

  /** The verdict, then the counter; both in one request where they lie side by side. */
  function writeState(evaluation: Evaluation | "none", busy: boolean, counted?: number): Promise<void> {
    return inTurn(async (plc) => {
      const what = evaluation === "undefined" ? "undecidable" : evaluation
      for (const kind of ["ok", "ng", "undecidable"] as const) {
        if (kind !== what) await writeCoil(plc, coils[kind], false)
      }
      if (what !== "none") await writeCoil(plc, coils[what], true)
      await writeCoil(plc, coils.busy, busy)
      await writeRegister(plc, registers.busy, busy ? 1 : 0)
      const { verdict } = registers
      if (counted !== undefined && verdict !== undefined && registers.counter === verdict + 1) {
        await plc.writeMultipleRegisters(verdict, [codes[what], counted])
        return
      }
      await writeRegister(plc, verdict, codes[what])
      if (counted !== undefined) await writeRegister(plc, registers.counter, counted)
    })
  }

  const pulse = setInterval(() => {
    if (!client) return
    beat = (beat + 1) % 65_536
    inTurn(async (plc) => {
      await writeRegister(plc, registers.heartbeat, beat)
      await writeCoil(plc, coils.heartbeat, beat % 2 === 1)
    }).catch(() => {})
  }, heartbeat_ms)
  connect()

  return {
    name,
    // A few requests of one verdict, behind a heartbeat.
    limit_ms: 4 * timeout_ms,
    atOnce: 1,
    begin: async () => {
      if (client) await writeState("none", true)
    },
    send: async (message, { busy }) => {
      counter = (counter + 1) % 65_536
      await writeState(message.eval, busy, counter)
    },
    close: async () => {
      if (client) await writeState("none", false).catch(() => {})
      closed = true
      clearInterval(pulse)
      clearTimeout(reconnect)
      socket?.destroy()
    },
  }
}

async function writeRegister(plc: ModbusTCPClient, address: number | undefined, value: number) {
  if (address !== undefined) await plc.writeSingleRegister(address, value)
}

async function writeCoil(plc: ModbusTCPClient, address: number | undefined, on: boolean) {
  if (address !== undefined) await plc.writeSingleCoil(address, on)
}

/** What the PLC answered, where it answered; undefined for a request that was not. */
function reasonOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("err" in error) || error.err !== "ModbusException")
    return undefined
  const message = "message" in error ? String(error.message) : ""
  return `refuses: ${message}. Check the addresses`
}
