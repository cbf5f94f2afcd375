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
  return await import("onnxruntime-node")
}
