import { readFileSync } from "node:fs"
import * as v from "valibot"
import { StationConfig } from "./config.ts"

type Kind = "text" | "number" | "switch" | "words"
type Place = readonly [section: "camera" | "trigger" | "part" | "", key: string, kind: Kind]

/** Where each option stands in the file. */
const places = {
  url: ["camera", "url", "text"],
  user: ["camera", "user", "text"],
  "password-file": ["camera", "password_file", "text"],
  scenario: ["camera", "scenario", "text"],
  images: ["camera", "images", "text"],
  station: ["camera", "station", "number"],
  stations: ["camera", "stations", "number"],
  seed: ["camera", "seed", "number"],
  folder: ["camera", "folder", "text"],
  video: ["camera", "video", "text"],
  size: ["camera", "size", "text"],
  input: ["camera", "input", "text"],
  format: ["camera", "format", "text"],
  fps: ["camera", "fps", "number"],
  gray: ["camera", "gray", "switch"],
  bridge: ["camera", "command", "words"],
  "timeout-ms": ["camera", "timeout_ms", "number"],
  "max-megapixels": ["camera", "max_megapixels", "number"],
  "interval-ms": ["camera", "interval_ms", "number"],
  "trigger-host": ["trigger", "host", "text"],
  "trigger-port": ["trigger", "port", "number"],
  "trigger-token-file": ["trigger", "token_file", "text"],
  "trigger-url": ["trigger", "url", "text"],
  "trigger-topic": ["trigger", "topic", "text"],
  "picture-ms": ["", "picture_ms", "number"],
  product: ["part", "product_id", "text"],
  recipe: ["part", "recipe_id", "text"],
} as const satisfies Record<string, Place>
type Flag = keyof typeof places

type TextOption = { readonly type: "string" }
const texts = Object.fromEntries(
  (Object.keys(places) as Flag[]).filter((flag) => flag !== "gray").map((flag) => [flag, { type: "string" }]),
) as Record<Exclude<Flag, "gray">, TextOption>

/** Options of `crux edge` that say what the station is connected to. */
export const stationOptions = {
  config: { type: "string" },
  camera: { type: "string" },
  trigger: { type: "string" },
  output: { type: "string", multiple: true },
  gray: { type: "boolean" },
  ...texts,
} as const

export const stationHelp = `
  --config FILE            JSON with camera, trigger, outputs, part and sampling; see docs/stations.md.
                           Options go before the file; --camera, --trigger, --output replace its whole section

  --camera simulator       makes parts itself [simulator]
    --scenario FILE          JSON with the scenario's options; the default has three products
    --station N              which of the scenario's line stations, from 1 [1]
  --camera images          plays a folder of photographs in the MVTec layout
    --images DIR             the folder
    --station N --stations M this is station N of M that share the parts [1 of 1]
    --seed N                 order of the parts [7]
  --camera folder          takes pictures another system writes into a folder
    --folder DIR             the folder
  --camera http            a snapshot address that answers with a JPEG, PNG or WebP file
    --url URL                http:// or https://
    --timeout-ms N           longest wait for one picture [5000]
  --camera rtsp            a network camera's stream, read by ffmpeg
    --url URL                rtsp:// or rtsps://
  --camera v4l2            a camera on USB, read by ffmpeg
    --video DEV --size WxH   the device and its picture size [/dev/video0]
  --camera stream          whatever else ffmpeg reads
    --input TEXT --format F  as after ffmpeg's -i and -f
  --camera bridge          a program that speaks CXR1, for GenICam and vendors' SDKs
    --bridge "PROG ARG ..."  started without a shell, split at blanks
  --user NAME --password-file FILE   for http, rtsp and stream
  --fps N --gray           for rtsp, v4l2 and stream: pictures a second at most; grey pictures
  --max-megapixels N       larger pictures are refused [50]
  --interval-ms N          time from part to part; for folder, how often to look [1000]
  --product KEY --recipe KEY   of parts whose camera and trigger do not say

  --trigger free           the camera sets the pace [rtsp, v4l2, stream, bridge and the simulated ones]
  --trigger interval       every --interval-ms [http]
  --trigger stdin          a line on standard input: nothing, a part's serial or a JSON object
  --trigger http           POST /trigger with the same
    --trigger-host HOST --trigger-port N   [127.0.0.1, 8090]
    --trigger-token-file F   demanded as a bearer token; a must on other addresses than 127.0.0.1
  --trigger hub            POST /api/devices/ID/trigger at the hub
  --trigger mqtt           another broker
    --trigger-url URL --trigger-topic T    e.g. mqtt://192.168.0.5:1883
  --picture-ms N           longest wait for the picture of a trigger [5000]

  --output WHERE           where verdicts go, several times for several outputs [log]
                           log, none, hub, http://HOST/PATH, mqtt://HOST:PORT/TOPIC, modbus://HOST:PORT/UNIT`

/** The options or the file do not fit together. Ends the program as a failure of usage or configuration. */
class StationConfigFailure extends Error {
  readonly exit: "usage" | "config"
  readonly remedy = 'Run "crux help edge" to see what it takes.'
  constructor(exit: "usage" | "config", message: string) {
    super(message)
    this.exit = exit
  }
}

type Values = { [K in Exclude<Flag, "gray">]?: string | undefined } & {
  gray?: boolean | undefined
  config?: string | undefined
  camera?: string | undefined
  trigger?: string | undefined
  output?: string[] | undefined
}
type Tree = Record<string, unknown>

/** What the station is connected to: defaults, then the file, then the options. Throws `StationConfigFailure`. */
export function readStationConfig(values: Values): StationConfig {
  const tree = values.config === undefined ? {} : readFile(values.config)
  if (values.config !== undefined) demand(tree, values, () => false)
  if (values.camera !== undefined) tree.camera = { driver: values.camera }
  if (values.trigger !== undefined) tree.trigger = { driver: values.trigger }
  if (values.output !== undefined) tree.outputs = values.output.filter((to) => to !== "none").map(outputOf)
  const given = (Object.keys(places) as Flag[]).filter((flag) => values[flag] !== undefined)
  for (const flag of given) {
    const [section, key, kind] = places[flag]
    const value = asValue(values[flag], kind)
    if (section === "") tree[key] = value
    else
      tree[section] = {
        ...(section === "camera" && { driver: "simulator" }),
        ...asTree(tree[section]),
        [key]: value,
      }
  }
  return demand(tree, values, (path) => given.find((flag) => pathOf(flag) === path))
}

const pathOf = (flag: Flag) => [places[flag][0], places[flag][1]].filter((part) => part !== "").join(".")

function demand(
  tree: Tree,
  values: Values,
  flagFor: (path: string) => Flag | undefined | false,
): StationConfig {
  const parsed = v.safeParse(StationConfig, tree)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  const path = v.getDotPath(issue) ?? ""
  const [section] = path.split(".")
  const driver = (section === "camera" && values.camera) || (section === "trigger" && values.trigger)
  const flag = flagFor(path)
  if (path.endsWith(".driver") && driver) {
    throw new StationConfigFailure("usage", `There is no --${section} ${driver}.`)
  }
  if (flag && issue.expected === "never") {
    const place =
      section === "camera"
        ? `--camera ${values.camera ?? "simulator"}`
        : `--trigger ${values.trigger ?? "free"}`
    throw new StationConfigFailure("usage", `--${flag} does not go with ${place}.`)
  }
  if (flag)
    throw new StationConfigFailure("usage", `--${flag} ${sentenceOf(issue)}, not "${String(values[flag])}".`)
  if (driver && issue.received === "undefined") {
    const missing = (Object.keys(places) as Flag[]).find((name) => pathOf(name) === path)
    throw new StationConfigFailure("usage", `--${section} ${driver} needs --${missing ?? path}.`)
  }
  const where = values.config === undefined ? "The options" : `The settings in ${values.config}`
  const exit = values.config === undefined ? "usage" : "config"
  throw new StationConfigFailure(exit, `${where} cannot be used: ${path || "they"}: ${sentenceOf(issue)}.`)
}

function sentenceOf(issue: v.BaseIssue<unknown>): string {
  if (issue.expected === "never") return "is not known here"
  if (issue.received === "undefined") return "is missing"
  return issue.message
}

function asValue(value: string | boolean | undefined, kind: Kind): unknown {
  if (typeof value !== "string") return value
  if (kind === "words") return value.trim().split(/\s+/)
  // What is no number stays a text, and the schema says what it should be.
  return kind === "number" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value
}

function outputOf(to: string): Tree {
  if (to === "log" || to === "hub") return { driver: to }
  if (!URL.canParse(to)) throw noOutput(to)
  const { protocol, hostname, port, pathname } = new URL(to)
  const path = decodeURIComponent(pathname.slice(1))
  switch (protocol) {
    case "http:":
    case "https:":
      return { driver: "http", url: to }
    case "mqtt:":
    case "mqtts:":
      return { driver: "mqtt", url: to.slice(0, to.length - pathname.length), topic: path }
    case "modbus:":
      return {
        driver: "modbus",
        host: hostname,
        ...(port !== "" && { port: Number(port) }),
        ...(path !== "" && { unit: asValue(path, "number") }),
      }
    default:
      throw noOutput(`${protocol}//`)
  }
}

/** `what` holds no password: it is no address, or only the beginning of one. */
function noOutput(what: string): StationConfigFailure {
  const message = `--output must be log, none, hub or an address with http, mqtt or modbus, not "${what}".`
  return new StationConfigFailure("usage", message)
}

function readFile(path: string): Tree {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    throw new StationConfigFailure("config", `The settings ${path} cannot be read.`)
  }
  try {
    return asTree(JSON.parse(text))
  } catch {
    throw new StationConfigFailure("config", `The settings ${path} are not JSON.`)
  }
}

function asTree(value: unknown): Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}
}
