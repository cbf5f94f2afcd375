import { afterAll, describe, expect, test } from "bun:test"
import { createServer, type Socket } from "node:net"
// Another implementation than the one the station writes with.
import { ServerTCP } from "modbus-serial"
import { createModbusOutput, type ModbusMap } from "../../../edge/outputs/modbus.output.ts"
import { createOutputs } from "../../../edge/outputs/outputs.ts"
import { createWatch } from "../../../edge/surroundings.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { until } from "../support/kit.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** A PLC: 16 registers and 16 coils, and every write in the order it came. */
async function startPlc(at: { port?: number } = {}) {
  const registers = new Uint16Array(16)
  const coils = new Array<boolean>(16).fill(false)
  const writes: string[] = []
  const port = at.port ?? (await freePort())
  const server = new ServerTCP(
    {
      getHoldingRegister: (address: number) => registers[address] ?? 0,
      getCoil: (address: number) => coils[address] ?? false,
      setRegister: (address: number, value: number) => {
        if (address >= 16) throw { modbusErrorCode: 2 }
        registers[address] = value
        writes.push(`r${address}=${value}`)
      },
      setCoil: (address: number, value: boolean) => {
        coils[address] = value
        writes.push(`c${address}=${value}`)
      },
    },
    { host: "127.0.0.1", port, unitID: 1, debug: false },
  )
  await new Promise<void>((resolve) => server.on("initialized", () => resolve()))
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { port, registers, coils, writes, stop }
}

const standard: ModbusMap = {
  registers: { verdict: 0, counter: 1, heartbeat: 2, busy: 3 },
  coils: { ok: 0, ng: 1, undecidable: 2, busy: 3 },
  codes: { none: 0, ok: 1, ng: 2, undecidable: 3 },
}

function line(port: number, map = standard, timeout_ms = 500) {
  const watch = createWatch({ now: Date.now })
  const states: string[] = []
  const driver = createModbusOutput({
    name: "plc",
    host: "127.0.0.1",
    port,
    unit: 1,
    map,
    timeout_ms,
    heartbeat_ms: 50,
    onState: (state) => states.push(state),
  })
  const output = createOutputs({ drivers: [driver], watch })
  cleanups.push(output.close)
  return {
    output,
    begin: output.begin,
    signal: (evaluation: "ok" | "ng" | "undecidable" | "undefined") =>
      output.signal({ id: systemIds.uuid(), ts: 0 }, { eval: evaluation }),
    connected: () => until("a connection", () => states.at(-1) === "connected"),
    states,
    state: () => watch.report().outputs.plc!,
  }
}

describe("a PLC over Modbus TCP", () => {
  test("reads verdict and counter together, busy while a part is looked at, and a heartbeat", async () => {
    const plc = await startPlc()
    cleanups.push(plc.stop)
    const { begin, signal, connected, state } = line(plc.port)
    await connected()
    begin()
    await until("busy", () => plc.registers[3] === 1 && plc.coils[3])
    expect(plc.registers[0]).toBe(0)
    const told = [] as [number, number, boolean[]][]
    for (const evaluation of ["ok", "ng", "undecidable", "undefined"] as const) {
      const before = plc.registers[1]!
      await signal(evaluation)
      await until("the counter", () => plc.registers[1] === before + 1)
      told.push([plc.registers[0]!, plc.registers[1]!, plc.coils.slice(0, 4)])
      begin()
      await until("nothing said of the next part", () => plc.registers[0] === 0)
      expect(plc.coils.slice(0, 3)).toEqual([false, false, false])
    }
    expect(told).toEqual([
      [1, 1, [true, false, false, false]],
      [2, 2, [false, true, false, false]],
      [3, 3, [false, false, true, false]],
      [3, 4, [false, false, true, false]],
    ])
    expect(state()).toMatchObject({ state: "ok", sent: 4, failed: 0 })
    const beat = plc.registers[2]!
    await until("a heartbeat", () => plc.registers[2] !== beat)
  })

  test("sees the verdict before the counter moves, and never OK beside another verdict", async () => {
    const plc = await startPlc()
    cleanups.push(plc.stop)
    const apart = { ...standard, registers: { verdict: 5, counter: 9 } }
    const { begin, signal, connected } = line(plc.port, apart)
    await connected()
    for (const evaluation of ["ok", "ng", "ok", "undecidable"] as const) {
      begin()
      await signal(evaluation)
    }
    await until("four parts", () => plc.registers[9] === 4)
    const ofVerdicts = plc.writes.filter((write) => /^r[59]=/.test(write) && write !== "r5=0")
    expect(ofVerdicts).toEqual(["r5=1", "r9=1", "r5=2", "r9=2", "r5=1", "r9=3", "r5=3", "r9=4"])
    const lit = new Set<string>()
    for (const write of plc.writes.filter((one) => /^c[012]=/.test(one))) {
      const [coil = "", on] = write.split("=")
      if (on === "true") lit.add(coil)
      else lit.delete(coil)
      expect(lit.size).toBeLessThanOrEqual(1)
    }
  })

  test("that is away makes verdicts fail at once; back again it gets the next ones, none of the old", async () => {
    const first = await startPlc()
    const { begin, signal, connected, state, states } = line(first.port)
    await connected()
    await first.stop()
    await until("the loss", () => states.at(-1) === "lost")
    for (let i = 0; i < 3; i++) {
      begin()
      await signal("ok")
    }
    await until("three failures", () => state().failed === 3)
    expect(state()).toMatchObject({ state: "failing", why: expect.stringContaining("the PLC at 127.0.0.1") })
    const second = await startPlc({ port: first.port })
    cleanups.push(second.stop)
    await until("a connection again", () => states.filter((one) => one === "connected").length === 2)
    await Bun.sleep(100)
    expect(second.writes.filter((write) => write === "r0=1" || write === "c0=true")).toEqual([])
    begin()
    await signal("ng")
    await until("the next verdict", () => second.registers[0] === 2)
    expect(second.registers[1]).toBe(4)
  })

  test("that accepts and never answers fails each verdict after its time and holds up nobody", async () => {
    const sockets = new Set<Socket>()
    const mute = createServer((socket) => void sockets.add(socket.on("error", () => {})))
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve))
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy()
      mute.close()
    })
    const { begin, signal, connected, state } = line((mute.address() as { port: number }).port, standard, 100)
    await connected()
    for (let i = 0; i < 20; i++) {
      begin()
      await signal("ok")
    }
    await until("failures", () => state().failed >= 20)
    expect(state().sent).toBe(0)
  })

  test("that refuses an address says so; a station that ends leaves nothing that lets a part pass", async () => {
    const plc = await startPlc()
    cleanups.push(plc.stop)
    const wrong = line(plc.port, { ...standard, coils: {}, registers: { verdict: 40 } })
    await wrong.connected()
    wrong.begin()
    await wrong.signal("ok")
    await until("the refusal", () => wrong.state().failed === 1)
    expect(wrong.state().why).toContain("Check the addresses")

    const right = line(plc.port)
    await right.connected()
    right.begin()
    await right.signal("ok")
    await until("OK", () => plc.coils[0])
    await right.output.close()
    expect([plc.registers[0], plc.coils[0], plc.registers[3]]).toEqual([0, false, 0])
  })
})

/** The server takes 0 for its usual port. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
