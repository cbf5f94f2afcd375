import { Problem } from "#contract/problem"
import { placeOf } from "../place.ts"
import type { AskedCamera, CapturedFrame } from "./camera.ts"
import { authorize, type Challenge, type Credentials, readChallenge } from "./http-auth.ts"
import { defaultMegapixels, pictureOf } from "./picture-bytes.ts"

export interface HttpCameraOptions {
  /** Where a GET answers with one picture. */
  url: string
  credentials?: Credentials | undefined
  /** For the whole answer, so that one that drips in does not hold the line. */
  timeout_ms?: number
  max_bytes?: number
  max_megapixels?: number
  now?: () => number
}

/** A camera with a snapshot address: each picture is one GET, answered with a JPEG, PNG or WebP file. */
export function createHttpCamera(options: HttpCameraOptions): AskedCamera {
  const { url, credentials, timeout_ms = 5_000, max_bytes = 32 * 2 ** 20 } = options
  const { max_megapixels = defaultMegapixels, now = Date.now } = options
  const place = placeOf(url)
  const { pathname, search } = new URL(url)
  let challenge: Challenge | undefined
  let uses = 0

  async function grab(signal: AbortSignal): Promise<CapturedFrame> {
    const captured_at = now()
    const limit = AbortSignal.timeout(timeout_ms)
    try {
      const bytes = await get(AbortSignal.any([signal, limit]))
      return { image: pictureOf(bytes, max_megapixels), captured_at, simulated: false }
    } catch (error) {
      if (error instanceof Problem || signal.aborted) throw error
      if (limit.aborted) {
        const message = `The camera at ${place} has not sent a whole picture within ${timeout_ms} ms.`
        throw new Problem("unavailable", "camera_timeout", message)
      }
      // The library's own words may repeat the address with its password.
      throw new Problem("unavailable", "camera_lost", `The camera at ${place} does not answer.`)
    }
  }

  async function get(signal: AbortSignal): Promise<Uint8Array> {
    let response = await ask(signal)
    if (response.status === 401 && credentials) {
      const known = challenge
      challenge = readChallenge(response.headers.get("www-authenticate"))
      uses = 0
      const renewed = challenge?.scheme === "digest" || known === undefined
      if (challenge && renewed) {
        await response.body?.cancel()
        response = await ask(signal)
      }
    }
    if (response.ok) return await bodyOf(response)
    await response.body?.cancel()
    if (response.status === 401 || response.status === 403) {
      challenge = undefined
      const message = `The camera at ${place} refuses user and password (HTTP ${response.status}).`
      throw new Problem("forbidden", "camera_refused", message)
    }
    const message = `The camera at ${place} answers HTTP ${response.status} instead of a picture.`
    throw new Problem("unavailable", "camera_answer", message)
  }

  async function ask(signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: "image/jpeg, image/png, image/webp" }
    if (challenge && credentials) {
      uses += 1
      const cnonce = crypto.randomUUID().replaceAll("-", "").slice(0, 16)
      const request = { method: "GET", uri: pathname + search, count: uses, cnonce }
      headers.authorization = authorize(challenge, credentials, request)
    }
    // A redirect would carry the password to wherever the answer points.
    return await fetch(url, { headers, signal, redirect: "manual" })
  }

  async function bodyOf(response: Response): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of response.body ?? []) {
      length += chunk.length
      if (length > max_bytes) {
        const message = `The camera at ${place} sends more than ${Math.round(max_bytes / 2 ** 20)} MB for one picture.`
        throw new Problem("too_large", "picture_too_large", message)
      }
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  return {
    open: async () => ({
      grab: (_wish, signal) => grab(signal),
      lost: new Promise(() => {}),
      close: async () => {},
    }),
  }
}
