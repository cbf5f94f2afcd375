import { Problem } from "#contract/problem"
import type { Message } from "./message.ts"

/** Bytes of bodies that are being read or stored, in all. */
const budgetBytes = 64 * 1024 * 1024

/** Bounds what all cameras that post together hold in memory. */
export function createBodyBudget() {
  let used = 0
  return {
    /** Takes room for a body; call what it returns when it is done with. Throws `rate_limited`. */
    take: (bytes: number): (() => void) => {
      if (used + bytes > budgetBytes)
        throw new Problem("rate_limited", "busy", "too much is coming in; send it again in a moment", {
          seconds: 2,
        })
      used += bytes
      return () => {
        used -= bytes
      }
    },
  }
}

/** Reads a body up to a length; what is longer is refused as soon as that is known. Throws `too_large`. */
export async function readBody(request: Request, most: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new Problem("too_large", "body", `the body is larger than ${most} bytes`, { max: most })
  if (Number(request.headers.get("content-length") ?? 0) > most) throw tooLarge()
  if (!request.body) return new Uint8Array()
  const reader = request.body.getReader()
  const pieces: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > most) {
      await reader.cancel().catch(() => undefined)
      throw tooLarge()
    }
    pieces.push(value)
  }
  return Buffer.concat(pieces)
}

/** A posted body as a message: a form becomes its picture and its fields, everything else stays as it is. */
export async function messageOf(
  request: Request,
  bytes: Uint8Array,
  most: { fields: number; text: number } = { fields: 64, text: 4096 },
): Promise<Message> {
  const url = new URL(request.url)
  const type = request.headers.get("content-type") ?? ""
  const $query = Object.fromEntries(
    [...url.searchParams]
      .filter(([name]) => name !== "token")
      .slice(0, most.fields)
      .map(([name, value]) => [name, value.slice(0, most.text)]),
  )
  const key = request.headers.get("idempotency-key")?.slice(0, 256)
  const disposition = request.headers.get("content-disposition") ?? ""
  const fileName = /filename="?([^";]{1,255})"?/i.exec(disposition)?.[1]
  const common = { via: "http" as const, topic: url.pathname, ...(key && { key }) }
  const plain = (): Message => ({ ...common, bytes, type, beside: { $query, ...fileOf(fileName) } })
  if (!/^multipart\/form-data\b/i.test(type)) return plain()

  let form: Awaited<ReturnType<Response["formData"]>>
  try {
    form = await new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: { "content-type": type },
    }).formData()
  } catch {
    // Not a form after all: it is kept as it came, and the reason is that no picture begins like this.
    return plain()
  }
  const $form: Record<string, string> = {}
  let data: object = {}
  let picture: File | undefined
  for (const [name, value] of [...form].slice(0, most.fields)) {
    if (typeof value === "string") {
      if (value.trimStart().startsWith("{")) data = { ...data, ...objectOf(value) }
      else $form[name] = value.slice(0, most.text)
    } else if (/json/i.test(value.type)) data = { ...data, ...objectOf(await value.text()) }
    else picture ??= value
  }
  if (!picture)
    return {
      ...common,
      bytes: new TextEncoder().encode(JSON.stringify({ ...$form, ...data })),
      type: "application/json",
      beside: { $query, $form },
    }
  return {
    ...common,
    bytes: new Uint8Array(await picture.arrayBuffer()),
    type: picture.type,
    beside: { $query, $form, ...fileOf(picture.name) },
    data: new TextEncoder().encode(JSON.stringify({ ...$form, ...data })),
  }
}

function fileOf(name: string | undefined): Message["beside"] {
  return name ? { $file: { name, stem: name.replace(/\.[^.]*$/, "") } } : {}
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {}
  } catch {
    // A text that only begins like JSON: its fields are then missing, and the message says so.
    return {}
  }
}
