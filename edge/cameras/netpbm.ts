import { Problem } from "#contract/problem"
import type { RawImage } from "./camera.ts"
import { demandSize } from "./picture-bytes.ts"

/** "P6 65535 65535 255" with a few spare spaces. */
const longestHead = 40

/**
 * Takes a stream of PPM (`P6`, RGB) and PGM (`P5`, grey) pictures apart: every picture states its size, so that one
 * damaged byte cannot shift all that follow unnoticed. Throws a Problem on anything else and on a picture over the
 * limit, before memory is taken for it.
 */
export function createNetpbmReader(options: {
  megapixels: number
  onPicture: (picture: RawImage) => void
  /** A piece of memory nobody uses any more, of any length. */
  spare: () => Uint8Array | undefined
}) {
  let head = ""
  let picture: RawImage | undefined
  let filled = 0

  function begin() {
    const match = /^P([56])\s(\d{1,5})\s(\d{1,5})\s255\s$/.exec(head)
    if (!match) throw new Problem("invalid", "stream_damaged", "The stream of pictures is damaged.")
    const channels = match[1] === "6" ? 3 : 1
    const [width, height] = [Number(match[2]), Number(match[3])]
    demandSize(width, height, options.megapixels)
    const length = width * height * channels
    const spare = options.spare()
    const data = spare?.length === length ? spare : new Uint8Array(length)
    picture = { form: "raw", data, width, height, channels }
    filled = 0
    head = ""
  }

  return (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length; ) {
      if (!picture) {
        head += String.fromCharCode(chunk[at]!)
        at += 1
        if (head.length > longestHead)
          throw new Problem("invalid", "stream_damaged", "The stream of pictures is damaged.")
        if (/\s255\s$/.test(head)) begin()
        continue
      }
      const part = chunk.subarray(at, at + picture.data.length - filled)
      picture.data.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < picture.data.length) continue
      const whole = picture
      picture = undefined
      options.onPicture(whole)
    }
  }
}
