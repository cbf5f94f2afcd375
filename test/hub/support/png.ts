import { deflateSync } from "node:zlib"

/** A grey 8-bit PNG; `rows` holds each row behind a zero byte (no filter). */
export function greyPng(w: number, h: number, rows: Uint8Array, level?: number): Uint8Array {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(w, 0)
  header.writeUInt32BE(h, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length, 0)
    out.set(body, 4)
    out.writeUInt32BE(Bun.hash.crc32(body), body.length + 4)
    return out
  }
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, level === undefined ? {} : { level })),
    chunk("IEND", Buffer.alloc(0)),
  ])
}
