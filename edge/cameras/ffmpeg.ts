import { Problem } from "#contract/problem"
import { placeOf, splitCredentials } from "../place.ts"

/** What ffmpeg is to read. */
export type StreamSource = {
  /** An address (rtsp, rtsps, http, https), a file, a device, or whatever `format` takes. */
  input: string
  /** ffmpeg's name of the format, where the input does not say it: v4l2, lavfi, mjpeg. */
  format?: string | undefined
  /** Options of the format, e.g. `{ rtsp_transport: "tcp" }`. */
  options?: Record<string, string>
  user?: string | undefined
  password?: string | undefined
  /** Pictures a second at most. */
  fps?: number | undefined
  gray?: boolean
}

/** How a message may name the source. */
export function nameOf({ input }: StreamSource): string {
  return /^[a-z]+:\/\//i.test(input) ? placeOf(input) : input
}

/** Command line of ffmpeg, and what to write on its standard input: addresses with passwords go that way. */
export function ffmpegInput(source: StreamSource, version: readonly [number, number] | undefined) {
  const { input, format, options = {}, fps, gray = false } = source
  const secret = isAddress(input) ? withCredentials(source) : undefined
  const from =
    secret === undefined
      ? [
          ...Object.entries(options).flatMap(([name, value]) => [`-${name}`, value]),
          ...(format ? ["-f", format] : []),
          "-i",
          input,
        ]
      : ["-f", "concat", "-safe", "0", "-protocol_whitelist", protocols, "-i", "pipe:0"]
  const script =
    secret === undefined
      ? undefined
      : [
          "ffconcat version 1.0",
          `file ${quoted(secret)}`,
          ...Object.entries(options).map(([name, value]) => `option ${name} ${quoted(value)}`),
          "",
        ].join("\n")
  // Without this ffmpeg doubles and drops pictures to keep a steady rate; older than 5.1 it has another name.
  const asTheyCome =
    version && (version[0] < 5 || (version[0] === 5 && version[1] < 1)) ? "-vsync" : "-fps_mode"
  const args = [
    ...["-hide_banner", "-loglevel", "error", "-fflags", "nobuffer", "-flags", "low_delay"],
    ...from,
    ...["-map", "0:v:0", "-an", "-sn", "-dn"],
    ...(fps === undefined ? [] : ["-vf", `fps=${fps}`]),
    ...[asTheyCome, asTheyCome === "-vsync" ? "0" : "passthrough"],
    ...["-c:v", gray ? "pgm" : "ppm", "-pix_fmt", gray ? "gray" : "rgb24", "-f", "image2pipe", "pipe:1"],
  ]
  return { args, script }
}

const protocols = "pipe,file,rtsp,rtsps,rtp,udp,tcp,tls,http,https,crypto"

const isAddress = (input: string) => /^(rtsps?|https?):\/\//i.test(input) && URL.canParse(input)

/** The address with user and password in it, or undefined when it has none. */
function withCredentials({ input, user, password }: StreamSource): string | undefined {
  const own = splitCredentials(input)
  const [name, secret] = [user ?? own.user, password ?? own.password]
  if (name === undefined && secret === undefined) return undefined
  const url = new URL(own.url)
  url.username = encodeURIComponent(name ?? "")
  url.password = encodeURIComponent(secret ?? "")
  return url.href
}

/** Single quotes as ffmpeg's tokenizer reads them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** What ffmpeg complains about, without any address that could hold a password. */
export function withoutAddresses(text: string): string {
  return text.replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s'"]+/gi, "…").trim()
}

/** Version of the ffmpeg of this machine; undefined when it does not say. Throws a Problem when there is none. */
export async function ffmpegVersion(program: string): Promise<readonly [number, number] | undefined> {
  try {
    const child = Bun.spawn([program, "-version"], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
      timeout: 10_000,
    })
    const text = await new Response(child.stdout).text()
    const match = /^ffmpeg version n?(\d+)\.(\d+)/.exec(text)
    return match ? [Number(match[1]), Number(match[2])] : undefined
  } catch (error) {
    throw new Problem(
      "unavailable",
      "ffmpeg_missing",
      `This camera needs ffmpeg, and there is no ${program} on this machine. As root: apt-get install ffmpeg`,
      {},
      error,
    )
  }
}
