/**
 * One icon family: 24 × 24, 2 px round strokes in the colour of the text. Several paths in one `d` where they touch.
 */
const paths = {
  home: "M4 11 12 4l8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
  label: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8.5 12.5l2.5 2.5 4.5-5.5",
  live: "M3 12h4l3-7 4 14 3-7h4",
  training: "M4 19V5M4 19h16M8 15l3.5-5 3 3L20 6",
  datasets: "M12 4 4 7.500l8 3.500 8-3.500L12 4ZM4 12l8 3.500 8-3.500M4 16.500l8 3.500 8-3.500",
  download: "M12 4v11M7 10l5 5 5-5M5 20h14",
  models: "M12 3 4 7.5v9L12 21l8-4.5v-9L12 3ZM4 7.5l8 4.5 8-4.5M12 12v9",
  rollouts: "M12 20V9M7 13l5-5 5 5M5 4h14",
  stations: "M4 7h16v9H4zM12 16v4M8 20h8M15.5 11.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0Z",
  sources:
    "M4 8.500h3.500L9.500 5h5l2 3.500H20V19H4ZM15.500 13.500a3.500 3.500 0 1 1-7 0 3.500 3.500 0 0 1 7 0Z",
  people: "M12 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM4.5 20c.8-4 3.700-6 7.500-6s6.700 2 7.500 6",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.500v5M8 14.500v5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  close: "M6 6l12 12M18 6 6 18",
  back: "M19 12H5M11 6l-6 6 6 6",
  next: "M9 5l7 7-7 7",
  check: "M5 12.500l4.500 4.500L19 7",
  undo: "M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.4-1 .9-1 1.700M12 17h.01",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  box: "M5 5h14v14H5zM3 5h.01M21 5h.01M3 19h.01M21 19h.01",
  hand: "M8 13V6.500a1.500 1.500 0 0 1 3 0V11V5a1.500 1.500 0 0 1 3 0v6V6.500a1.500 1.500 0 0 1 3 0V14c0 4-2.500 7-6 7-3 0-4.500-1.500-6-4.500L3.500 13a1.500 1.500 0 0 1 2.500-1.500L8 14",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  pause: "M8 5v14M16 5v14",
  play: "M7 5l12 7-12 7Z",
  history: "M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500M12 8v4.500l3 2",
  warning: "M12 4 2.500 20h19L12 4ZM12 10v4.500M12 17.500h.01",
  cloudOff:
    "M4 4l16 16M8 8a5.500 5.500 0 0 0-1 10.500h10M11 6.200a5.500 5.500 0 0 1 6.700 4.500A4 4 0 0 1 20.500 16.500",
  sent: "M7 18.500h10a4.500 4.500 0 0 0 .7-8.900A6 6 0 0 0 6.200 9.500 4.500 4.500 0 0 0 7 18.500ZM9 13.500l2.200 2.200 4-4.400",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.500l3.500 2",
  key: "M14.500 13.500a4.500 4.500 0 1 0-4-2.500L4 17.500V20h3v-2h2v-2h2l1.500-1.500M15.500 8.500h.01",
  exit: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-2.500 4 3.500M15.500 9h.01",
  skip: "M5 6l7 6-7 6ZM13 6l7 6-7 6Z",
  same: "M5 9h14M5 15h14",
  ask: "M4 5h16v11H9l-5 4ZM10.200 8.800a1.800 1.800 0 1 1 2.600 1.600c-.6.3-.8.600-.8 1M12 13.500h.01",
  comment: "M4 5h16v11H9l-5 4ZM8 9h8M8 12h5",
  guide: "M6 3h12v18H6ZM9 8h6M9 12h6M9 16h3",
  grid: "M4 4h6v6H4ZM14 4h6v6h-6ZM4 14h6v6H4ZM14 14h6v6h-6Z",
  bell: "M6 17h12l-1.500-2.500V11a4.500 4.500 0 0 0-9 0v3.500ZM10.500 20h3",
  catalogue: "M5 4h14v16H5ZM9 4v16M12 8h4M12 12h4",
  star: "M12 4l2.400 5 5.600.700-4.100 3.800 1.100 5.500L12 16.300 7 19l1.100-5.500L4 9.700 9.600 9Z",
  // Drawing.
  rotated: "M12 3.500 20.500 12 12 20.500 3.500 12ZM17 3.500h3.500V7",
  ellipse: "M12 18.500c5 0 9-2.900 9-6.500s-4-6.500-9-6.500-9 2.900-9 6.500 4 6.500 9 6.500Z",
  polygon:
    "M12 3.500 20.500 10 17 20H6.500L3.500 9ZM12 3.500h.01M20.500 10h.01M17 20h.01M6.500 20h.01M3.500 9h.01",
  polyline: "M3 18l5-9 6 5 7-9M3 18h.01M8 9h.01M14 14h.01M21 5h.01",
  point: "M12 3v5M12 16v5M3 12h5M16 12h5M12 12h.01",
  brush:
    "M20 4c-4 2-8 6-9.500 9.500l1 1C15 13 18.500 8.500 20 4ZM9.500 14.500c-2 0-3 1.500-3 3 0 1.500-1 2-2.500 2.500 3 1 7 0 7-3.500 0-1-.5-2-1.500-2Z",
  eraser:
    "M8 20h12M9.500 20 4 14.500a1.500 1.500 0 0 1 0-2L12.500 4a1.500 1.500 0 0 1 2 0L20 9.500a1.500 1.500 0 0 1 0 2L11.500 20ZM8.500 8l7.500 7.500",
  link: "M8 12a4 4 0 1 1-5 0 4 4 0 0 1 5 0M21 12a4 4 0 1 1-5 0 4 4 0 0 1 5 0M9.500 14h4M12 11.500l2.500 2.500-2.500 2.500",
  wand: "M4 20 14 10M12.500 8.500l3 3M17 3v4M15 5h4M20 10v3M18.500 11.500h3M9 3v3M7.500 4.500h3",
  marquee: "M4 7V4h3M11 4h2M17 4h3v3M20 11v2M20 17v3h-3M13 20h-2M7 20H4v-3M4 13v-2",
  several: "M4 4h9v9H4zM11 17v3h9v-9h-3",
  tools: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM17 14v6M14 17h6",
  list: "M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01",
  redo: "M16 5l4 4-4 4M20 9H10a6 6 0 0 0 0 12h3",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  paste: "M9 5H6v15h12V5h-3M9 3.500h6v4H9zM9 12h6M9 16h4",
  magnet: "M5 4h4v8a3 3 0 0 0 6 0V4h4v8a7 7 0 0 1-14 0ZM5 8h4M15 8h4",
  bring: "M12 3v6M9 6l3-3 3 3M12 21v-6M9 18l3 3 3-3M3 12h6M6 9l-3 3 3 3M21 12h-6M18 9l3 3-3 3",
  merge: "M4 4h10v10H4zM10 10h10v10H10z",
  mask: "M4 8V4h4M20 16v4h-4M5 14l9-9M7 18 18 7M11 20l9-9",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Z",
  eyeOff:
    "M4 4l16 16M9.500 5.900A9 9 0 0 1 12 5.500c6 0 9.500 6.500 9.500 6.500a17 17 0 0 1-3 3.700M6 7.800A17 17 0 0 0 2.500 12S6 18.500 12 18.500a9 9 0 0 0 3.500-.7",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  unlock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 6.800-1.200",
  front: "M12 20V9M7 13l5-5 5 5M5 4h14",
  forward: "M12 20V6M6 12l6-6 6 6",
  backward: "M12 4v14M6 12l6 6 6-6",
  backmost: "M12 4v11M7 11l5 5 5-5M5 20h14",
  left: "M15 5l-7 7 7 7",
  up: "M5 15l7-7 7 7",
  down: "M5 9l7 7 7-7",
  turn: "M20 4v5h-5M19.500 9A8 8 0 1 0 20 13",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  contrast: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 3v18M15 5v14M18 7.500v9",
  invert: "M4 4h16v16H4zM4 20 20 4M9 19v-4M13 19v-8M17 19V7.500",
  note: "M5 4h14v11l-5 5H5ZM14 20v-5h5M9 9h6M9 13h3",
  // Defects: the sign shows the shape a person sees on the part.
  scratch: "M5 19 17 5M9 20l8-9M4 12l5-6",
  dent: "M3 9h4c1.500 0 2 7 5 7s3.500-7 5-7h4M8 20h8",
  stain: "M12 4c3 4 6 6.500 6 10a6 6 0 0 1-12 0c0-3.500 3-6 6-10ZM9.500 14a2.500 2.500 0 0 0 2.500 2.500",
  chip: "M4 20V4h9l-1.500 4 4 .5-.5 4 5 .5v7Z",
  crack: "M13 3l-3 5 4 3-4 4 3 2-2 4M10 8 6 9M14 11l4-1M10 15l-4 2",
  burr: "M3 18h18M4 18l2-6 2 6 2-10 2 10 2-5 2 5 2-8 2 8",
  rust: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 9.500h.01M12.500 7.500h.01M15.500 11h.01M10.500 12.500h.01M14 15.500h.01M8.500 15.500h.01",
  hole: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 15.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7Z",
  missing: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9l6 6M15 9l-6 6",
  bent: "M4 18h7c4 0 3-12 9-12M4 12h5M17 3l3 3-3 3",
  misprint: "M5 5h14M12 5v9M9 18h.01M12 19.500h.01M15 17.500h.01M9 14l6-3",
  contamination:
    "M6 7h.01M11 5h.01M17 8h.01M8 13h.01M14 12h.01M18 15h.01M11 18h.01M6 18h.01M14.500 17a1 1 0 1 0 2 2 1 1 0 0 0-2-2Z",
  unknown:
    "M12 3.500 20.500 12 12 20.500 3.500 12 12 3.500ZM10.300 10.300a1.800 1.800 0 1 1 2.600 1.600c-.6.3-.9.700-.9 1.300M12 16h.01",
} as const

export type IconName = keyof typeof paths
/** The pictures a new kind of defect may choose from, in the order shown. */
export const defectIcons = [
  "scratch",
  "dent",
  "stain",
  "chip",
  "crack",
  "burr",
  "rust",
  "hole",
  "missing",
  "bent",
  "misprint",
  "contamination",
  "unknown",
] as const satisfies readonly IconName[]

const isIcon = (name: string): name is IconName => Object.hasOwn(paths, name)

/** An icon beside words is decoration; one that stands alone gets its name from the control around it. */
export function Icon({ name, size = 24 }: { name: IconName; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  )
}

/** The picture of a defect kind: by the catalogue's icon, else by its key, else the question mark. */
export function DefectIcon({
  icon,
  kind,
  size = 24,
}: {
  icon?: string | undefined
  kind: string
  size?: number
}) {
  const name = icon !== undefined && isIcon(icon) ? icon : isIcon(kind) ? kind : "unknown"
  return <Icon name={name} size={size} />
}

/** The plant's three signs: ○ OK, ✕ NG, △ unsure. Shape first, colour second. `edged`: to stand on a picture. */
export function VerdictMark({
  verdict,
  size = 24,
  edged = false,
}: {
  verdict: string
  size?: number
  edged?: boolean
}) {
  return (
    <svg
      class={`mark mark-${verdict}`}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="3"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {edged && (
        <>
          <Sign verdict={verdict} edge />
          <Sign verdict={verdict} edge />
        </>
      )}
      <Sign verdict={verdict} />
    </svg>
  )
}

function Sign({ verdict, edge = false }: { verdict: string; edge?: boolean }) {
  const name = edge ? "mark-edge" : undefined
  if (verdict === "ok") return <circle class={name} cx="12" cy="12" r="8" />
  const path = signs[verdict]
  return path === undefined ? null : <path class={name} d={path} />
}

const signs: Readonly<Record<string, string>> = {
  ng: "M5.500 5.500l13 13M18.500 5.500l-13 13",
  unsure: "M12 4.500 20.500 19h-17Z",
  undecidable: "M12 4.500 20.500 19h-17Z",
  undefined: "M6 12h12",
}

/** The name of the product: four corners of a finder around the point that decides. */
export function Wordmark({ compact = false }: { compact?: boolean }) {
  return (
    <span class="wordmark">
      <svg
        width="32"
        height="32"
        viewBox="0 0 32 32"
        fill="none"
        stroke="currentColor"
        stroke-width="3"
        aria-hidden="true"
      >
        <path d="M4 11V4h7M21 4h7v7M28 21v7h-7M11 28H4v-7" />
        <circle cx="16" cy="16" r="4" fill="currentColor" stroke="none" />
      </svg>
      {compact ? <span class="visually-hidden">CRUX</span> : <span class="wordmark-text">CRUX</span>}
    </span>
  )
}
