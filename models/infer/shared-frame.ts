import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs"
import { ModelError } from "../model-error.ts"
import type { Frame } from "../preprocess.ts"

/** Raw pixels in memory that parent and child both see, instead of in the message. */
export type SharedFrame = {
  shared: string
  length: number
  width: number
  height: number
  channels: 1 | 3 | 4
}

/** Below this the message itself is as fast. */
const leastBytes = 256 * 1024
/** Files here are memory (tmpfs) on every Linux; elsewhere frames travel in the message. */
const folder = "/dev/shm"

type SharedFile = { path: string; fd: number; size: number; named: boolean }

/**
 * Moves the pixels of large raw frames to a child through shared memory: within a message, 5 MP take 39 ms to cross
 * the IPC channel, longer than most models take to look at them; this way 4 ms. A piece of memory is written again
 * when the request it was used for is answered.
 */
export function createFrameSender() {
  const idle: SharedFile[] = []
  const used = new Map<number, SharedFile>()

  const forget = (file: SharedFile) => {
    closeSync(file.fd)
    if (file.named) rmSync(file.path, { force: true })
  }
  const fileFor = (size: number): SharedFile => {
    const file = idle.pop()
    if (file && file.size >= size) return file
    if (file) forget(file)
    const path = `${folder}/crux-frame-${process.pid}-${crypto.randomUUID()}`
    const fd = openSync(path, "wx+", 0o600)
    const fresh = { path, fd, size, named: true }
    try {
      ftruncateSync(fd, size)
      return fresh
    } catch (error) {
      forget(fresh)
      throw error
    }
  }

  return {
    /** What to put into the message of request `id` for this frame. */
    pass: (id: number, frame: Frame): Frame | SharedFrame => {
      if (!("raw" in frame) || frame.raw.length < leastBytes) return frame
      const { raw, width, height, channels } = frame
      try {
        const file = fileFor(raw.length)
        used.set(id, file)
        for (let at = 0; at < raw.length; ) at += writeSync(file.fd, raw, at, raw.length - at, at)
        return { shared: file.path, length: raw.length, width, height, channels }
      } catch {
        // No such folder, or its memory is used up: slower is better than not at all.
        const file = used.get(id)
        used.delete(id)
        if (file) forget(file)
        return frame
      }
    },
    /** The child has answered, so it has the file open: without a name nothing is left behind, however we end. */
    answered: (id: number): void => {
      const file = used.get(id)
      if (!file) return
      used.delete(id)
      if (file.named) rmSync(file.path, { force: true })
      file.named = false
      idle.push(file)
    },
    close: (): void => {
      for (const file of [...idle.splice(0), ...used.values()]) forget(file)
      used.clear()
    },
  }
}

/** Pieces of memory a child keeps open: a few more than requests under way, as frames of another size get new ones. */
const mostOpen = 8

/** The child's end: frames as the parent meant them. Throws `unreadable_image` when the memory is not there. */
export function createFrameReceiver() {
  const open = new Map<string, Uint8Array>()
  return (frame: Frame | SharedFrame): Frame => {
    if (!("shared" in frame)) return frame
    const { shared: path, length, width, height, channels } = frame
    try {
      const bytes = open.get(path) ?? Bun.mmap(path, { shared: true })
      // Used last, forgotten last.
      open.delete(path)
      open.set(path, bytes)
      for (const [oldest] of open) if (open.size > mostOpen) open.delete(oldest)
      return { raw: bytes.subarray(0, length), width, height, channels }
    } catch (cause) {
      throw new ModelError("unreadable_image", "the frame's memory is not there", { cause })
    }
  }
}
