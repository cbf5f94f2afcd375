import { readFileSync } from "node:fs"
import { ModelError } from "../model-error.ts"
import type { Ask, Asked, AskOf, Operations, Reply, Request } from "./protocol.ts"
import { createFrameSender } from "./shared-frame.ts"

/** The process ended before it came to this request: another process may take it. */
export class Unserved extends Error {}

export type InferProcess = ReturnType<typeof startInferProcess>

/** An inference process; the pixels of large raw frames go to it through shared memory. */
export function startInferProcess(command: string[], memoryBytes?: number) {
  const frames = createFrameSender()
  const courier = {
    request: (id: number, ask: Ask) => requestOf(id, ask, frames),
    answered: frames.answered,
    close: frames.close,
  }
  return startAskedProcess<Operations>(command, courier, memoryBytes)
}

const lookMs = 50

/** How requests get to a process, where the channel itself is not enough. */
type Courier<Ops extends Asked> = {
  request: (id: number, ask: AskOf<Ops>) => unknown
  answered: (id: number) => void
  close: () => void
}

/**
 * A process of this program that does what it is asked. It answers in the order it is asked, so the time of a request
 * runs from the moment it is the oldest: only that one can have hung or crashed the process, and only that one fails with
 * the reason. Those behind it reject with `Unserved`.
 */
export function startAskedProcess<Ops extends Asked>(
  command: string[],
  courier?: Courier<Ops>,
  memoryBytes?: number,
  /** What the process reads when it starts, where nobody has chosen otherwise. */
  runtime: Readonly<Record<string, string>> = {},
) {
  type Waiting = {
    op: keyof Ops
    timeoutMs: number
    resolve: (answer: never) => void
    reject: (error: Error) => void
  }
  const waiting = new Map<number, Waiting>()
  const drained = Promise.withResolvers<void>()
  let lastId = 0
  let gone = false
  let leaving = false
  let timer: ReturnType<typeof setTimeout> | undefined

  const fail = (error: ModelError) => {
    if (gone) return
    gone = true
    clearTimeout(timer)
    clearInterval(watching)
    courier?.close()
    const [oldest, ...behind] = waiting.values()
    waiting.clear()
    oldest?.reject(error)
    for (const { reject } of behind) reject(new Unserved())
    drained.resolve()
  }
  const watchOldest = () => {
    clearTimeout(timer)
    const [oldest] = waiting.values()
    if (!oldest) return leaving ? drained.resolve() : undefined
    const { op, timeoutMs } = oldest
    timer = setTimeout(() => {
      fail(new ModelError("model_timeout", `no answer to ${String(op)} within ${timeoutMs} ms`))
      child.kill("SIGKILL")
    }, timeoutMs)
  }
  const child = Bun.spawn(command, {
    stdio: ["ignore", "ignore", "inherit"],
    // Without it Bun hands down the environment this program was started with, also what it has taken out since.
    env: { ...runtime, ...process.env },
    serialization: "advanced",
    ipc: (reply: Reply<Ops>) => {
      const entry = waiting.get(reply.id)
      if (!entry) return
      waiting.delete(reply.id)
      courier?.answered(reply.id)
      if ("code" in reply) entry.reject(new ModelError(reply.code, reply.message))
      else entry.resolve(reply.answer as never)
      watchOldest()
    },
    onExit: (_, code, signal) => {
      fail(new ModelError("model_crashed", `the inference process ended (${signal ?? code})`))
    },
  })
  // The runtime has no limit of its own, and the system's would end whoever is largest: the hub. Looked at often enough
  // that a machine has not given away what it needs itself.
  const watching =
    memoryBytes === undefined
      ? undefined
      : setInterval(() => {
          const used = waiting.size > 0 ? residentBytes(child.pid) : 0
          if (used <= memoryBytes) return
          fail(new ModelError("model_memory", `more than ${Math.round(memoryBytes / 1e6)} MB of memory`))
          child.kill("SIGKILL")
        }, lookMs)
  watching?.unref?.()
  const kill = async () => {
    fail(new ModelError("model_crashed", "the inference process was stopped"))
    child.kill("SIGKILL")
    await child.exited
  }

  return {
    pid: child.pid,
    alive: () => !gone,
    ask: <Op extends keyof Ops>(ask: AskOf<Ops, Op>, timeoutMs: number) =>
      new Promise<Ops[Op]["answer"]>((resolve, reject) => {
        if (gone || leaving) return reject(new Unserved())
        const id = ++lastId
        waiting.set(id, { op: ask.op, timeoutMs, resolve, reject })
        if (waiting.size === 1) watchOldest()
        child.send(courier ? courier.request(id, ask as AskOf<Ops>) : { id, ask })
      }),
    /** Takes nothing new, answers what it was asked, then ends. */
    retire: async () => {
      leaving = true
      if (waiting.size > 0) await drained.promise
      await kill()
    },
    kill,
  }
}

/** Memory a process holds, where the system tells. */
function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * 4096
  } catch {
    return 0
  }
}

function requestOf(id: number, ask: Ask, frames: ReturnType<typeof createFrameSender>): Request {
  if (ask.op !== "infer" && ask.op !== "thumbnail") return { id, ask }
  const frame = frames.pass(id, ask.frame)
  if (!("shared" in frame)) return { id, ask }
  // The pixels lie in shared memory: an empty picture takes their place in the message.
  return { id, ask: { ...ask, frame: { bytes: new Uint8Array() } }, frame }
}
