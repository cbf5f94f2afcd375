/**
 * The one file that loads native code: sharp (libvips) and onnxruntime-node. Everything else asks here, so
 * the compiled binary has a single place where embedded shared objects are unpacked before the first load.
 * Loading is lazy: a hub process that only serves pages never maps either library.
 */

export type Sharp = typeof import("sharp").default
export type Ort = typeof import("onnxruntime-node")

/** sharp with one thread and no cache: inspection images are read once, and cores belong to inference. */
export async function loadSharp(): Promise<Sharp> {
  const { default: sharp } = await import("sharp")
  sharp.concurrency(1)
  sharp.cache(false)
  return sharp
}

export async function loadOrt(): Promise<Ort> {
  await forbidTelemetry()
  return await import("onnxruntime-node")
}

/**
 * ONNX Runtime since 1.29 reports sessions, models and errors to its maker unless this variable is set before it is
 * loaded (measured with 1.30: a device id, an upload queue and a connection attempt). Nothing leaves the plant. The
 * system's own call, because Bun's `process.env` does not reach native code; no call, no runtime.
 */
async function forbidTelemetry(): Promise<void> {
  // Here, not above: the hub's HTTP app passes by this file on runtimes that have no such module.
  const { dlopen } = await import("bun:ffi")
  const cString = (text: string) => Buffer.from(`${text}\0`)
  const libc = dlopen("libc.so.6", { setenv: { args: ["ptr", "ptr", "i32"], returns: "i32" } })
  try {
    const refused = libc.symbols.setenv(cString("ORT_DISABLE_TELEMETRY"), cString("1"), 1)
    if (refused !== 0) throw new Error("The telemetry of ONNX Runtime could not be switched off.")
  } finally {
    libc.close()
  }
}
