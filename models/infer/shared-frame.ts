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

/**
 * Moves the pixels of large raw frames to a child through shared memory: within a message, 5 MP take 39 ms to cross
 * the IPC channel, longer than most models take to look at them; this way 4 ms. One frame at a time: the next may be
 * written when the answer to the last is there.
 */
export function createFrameSender() {
  let file: { path: string; fd: number; size: number; named: boolean } | undefined

  const forget = () => {
    if (!file) return
    closeSync(file.fd)
    if (file.named) rmSync(file.path, { force: true })
    file = undefined
  }
  const fileFor = (size: number) => {
    if (file && file.size >= size) return file
    forget()
    const path = `${folder}/crux-frame-${process.pid}-${crypto.randomUUID()}`
    const fd = openSync(path, "wx+", 0o600)
    file = { path, fd, size, named: true }
    ftruncateSync(fd, size)
    return file
  }

  return {
    /** What to put into the message for this frame. */
    pass: (frame: Frame): Frame | SharedFrame => {
      if (!("raw" in frame) || frame.raw.length < leastBytes) return frame
      const { raw, width, height, channels } = frame
      try {
        const { fd, path } = fileFor(raw.length)
        for (let at = 0; at < raw.length; ) at += writeSync(fd, raw, at, raw.length - at, at)
        return { shared: path, length: raw.length, width, height, channels }
      } catch {
        // No such folder, or its memory is used up: slower is better than not at all.
        forget()
        return frame
      }
    },
    /** The child has answered, so it has the file open: without a name nothing is left behind, however we end. */
    answered: (): void => {
      if (!file?.named) return
      rmSync(file.path, { force: true })
      file.named = false
    },
    close: forget,
  }
}

/** The child's end: frames as the parent meant them. Throws `unreadable_image` when the memory is not there. */
export function createFrameReceiver() {
  let open: { path: string; bytes: Uint8Array } | undefined
  return (frame: Frame | SharedFrame): Frame => {
    if (!("shared" in frame)) return frame
    const { shared: path, length, width, height, channels } = frame
    try {
      if (open?.path !== path) open = { path, bytes: Bun.mmap(path, { shared: true }) }
    } catch (cause) {
      throw new ModelError("unreadable_image", "the frame's memory is not there", { cause })
    }
    return { raw: open.bytes.subarray(0, length), width, height, channels }
  }
}
