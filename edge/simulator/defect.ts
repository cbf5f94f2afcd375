import type { Box } from "#contract/inspection"
import {
  boxOf,
  type Canvas,
  repaint,
  strokeOf,
  type Touched,
  tint,
  untouched,
  windowAround,
} from "./canvas.ts"
import { clamp, cos, mix, sin, smooth } from "./maths.ts"
import { type Pose, toFrame } from "./pose.ts"
import { metalDistance, type Product } from "./product.ts"
import { clouds, createRandom, type Random } from "./random.ts"
import { LAMP } from "./relief.ts"
import { slope } from "./shape.ts"

export const defectKinds = ["scratch", "dent", "stain", "chip", "crack", "burr", "rust"] as const
export type DefectKind = (typeof defectKinds)[number]

/** A flaw to draw; `severity` 0 is at the limit of what must be rejected, 1 is gross. */
export interface DefectPlan {
  kind: DefectKind
  severity: number
}

interface Site {
  canvas: Canvas
  product: Product
  pose: Pose
  random: Random
  severity: number
  touched: Touched
}

/** Draws one flaw and answers the box of the pixels that visibly changed. `name` decides place and form. */
export function paintDefect(
  canvas: Canvas,
  product: Product,
  pose: Pose,
  plan: DefectPlan,
  name: string,
): Box | undefined {
  const touched = untouched()
  const severity = clamp(plan.severity, 0, 1)
  const site: Site = { canvas, product, pose, random: createRandom(name), severity, touched }
  painters[plan.kind](site)
  return boxOf(touched)
}

const painters: Record<DefectKind, (site: Site) => void> = {
  scratch: paintScratch,
  dent: paintDent,
  stain: paintStain,
  chip: paintChip,
  crack: paintCrack,
  burr: paintBurr,
  rust: paintRust,
}

/** A point of the face at least `clear` away from every edge. */
function facePoint(site: Site, clear: number): [number, number] {
  for (let attempt = 0; attempt < 400; attempt++) {
    const x = site.random.between(-500, 500)
    const y = site.random.between(-410, 410)
    const need = attempt < 200 ? clear : Math.min(clear, 14)
    if (metalDistance(site.product, x, y) < -need) return [x, y]
  }
  return [0, 300]
}

/** A point on the outline of the metal (a rim or a hole) and the direction out of the metal there. */
function edgePoint(site: Site) {
  const field = (x: number, y: number) => metalDistance(site.product, x, y)
  let [x, y] = facePoint(site, 3)
  // Walk along a random heading until the metal ends, then settle on the outline.
  const turn = site.random.between(0, 6.283)
  const dx = cos(turn)
  const dy = sin(turn)
  for (let step = 0; step < 400 && field(x, y) < -1; step++) {
    const stride = Math.max(1, -field(x, y))
    x += dx * stride
    y += dy * stride
  }
  for (let step = 0; step < 4; step++) {
    const [nx, ny] = slope(field, x, y)
    const d = field(x, y)
    x -= nx * d
    y -= ny * d
  }
  const [nx, ny] = slope(field, x, y)
  return { x, y, nx, ny }
}

function framePoint(site: Site, x: number, y: number): [number, number] {
  return toFrame(site.pose, x, y, site.canvas.width, site.canvas.height)
}

/** 1 on metal, 0 beside it; bevels carry a low finish but are metal. */
const onMetal = (finish: number) => Math.min(1, finish / 40)

function paintScratch(site: Site) {
  const { canvas, random, severity, touched } = site
  const length = mix(70, 380, severity * random.between(0.6, 1)) + random.between(0, 40)
  const turn = random.between(0, 6.283)
  const bend = random.between(-0.5, 0.5)
  const [cx, cy] = facePoint(site, 30)
  const points: [number, number][] = []
  for (let i = 0; i <= 24; i++) {
    const t = i / 24 - 0.5
    const heading = turn + bend * t
    points.push(framePoint(site, cx + cos(heading) * t * length, cy + sin(heading) * t * length))
  }
  const width = mix(0.95, 2.3, severity * random.between(0.5, 1)) * canvas.scale
  const depth = mix(430, 1500, severity)
  const skips = random.below(1 << 30)
  const stroke = strokeOf(canvas, points, width * 3.5 + 1.5)
  repaint(canvas, touched, stroke.area, (x, y, old, finish) => {
    const d = stroke.distance(x, y)
    if (d > width * 3.5 || finish === 0) return old
    const along = stroke.along(x, y)
    const taper = smooth(0, 0.12, along) * smooth(1, 0.8, along)
    const press = taper * (0.55 + 0.6 * clouds(skips, along * 14, 0.5)) * onMetal(finish)
    const side = stroke.side(x, y)
    const ridge = depth * smooth(width * 1.5, width * 0.2, Math.abs(side - width * 0.35))
    const groove = -0.62 * depth * smooth(width * 1.7, width * 0.3, Math.abs(side + width * 1.25))
    return old + (ridge + groove) * press
  })
}

function paintDent(site: Site) {
  const { canvas, random, severity, touched } = site
  const a = mix(15, 46, severity * random.between(0.6, 1)) * canvas.scale
  const b = a * random.between(0.7, 1)
  const turn = random.between(0, 6.283)
  const c = cos(turn)
  const s = sin(turn)
  const [px, py] = facePoint(site, a / canvas.scale + 14)
  const [cx, cy] = framePoint(site, px, py)
  const depth = mix(620, 1700, severity)
  repaint(canvas, touched, windowAround(canvas, cx, cy, a * 1.15), (x, y, old, finish) => {
    const u = ((x - cx) * c + (y - cy) * s) / a
    const v = (-(x - cx) * s + (y - cy) * c) / b
    const q = u * u + v * v
    if (q >= 1.25 || finish === 0) return old
    const ex = ((x - cx) * LAMP[0] + (y - cy) * LAMP[1]) / a
    // A hollow is dark on the lamp's side and bright opposite; a faint raised lip runs round it.
    const bowl = q < 1 ? -ex * (1 - q) * 2.3 - 0.16 * (1 - q) : 0
    const lip = smooth(0.7, 0.98, q) * smooth(1.25, 1, q) * (0.1 + 0.35 * ex)
    const glint = smooth(0.05, 0, (u + LAMP[0] * 0.42) ** 2 + (v + LAMP[1] * 0.42) ** 2) * 0.25
    return old + depth * (bowl + lip + glint) * onMetal(finish)
  })
}

function paintStain(site: Site) {
  const { canvas, random, severity, touched } = site
  const radius = mix(26, 92, severity * random.between(0.5, 1)) * canvas.scale
  const [px, py] = facePoint(site, Math.min(40, radius))
  const [cx, cy] = framePoint(site, px, py)
  const form = random.below(1 << 30)
  const stretch = random.between(0.65, 1)
  const dark = mix(0.11, 0.34, severity)
  const amount = (x: number, y: number) => {
    const u = (x - cx) / radius
    const v = (y - cy) / (radius * stretch)
    const q = Math.sqrt(u * u + v * v) + 0.9 * (clouds(form, 3 + u * 1.6, 3 + v * 1.6) - 0.5)
    const body = smooth(0.8, 0.66, q) * (0.55 + 0.45 * clouds(form + 9, u * 3, v * 3))
    const rim = smooth(0.82, 0.72, q) * smooth(0.52, 0.7, q)
    return body + 0.75 * rim
  }
  const area = windowAround(canvas, cx, cy, radius * 1.3)
  repaint(canvas, touched, area, (x, y, old, finish) =>
    finish === 0 ? old : old * (1 - dark * amount(x, y) * onMetal(finish)),
  )
  const film = random.next() < 0.7 ? ([0.1, -0.02, -0.2] as const) : ([-0.08, 0, 0.1] as const)
  tint(canvas, touched, area, film, (x, y, finish) =>
    finish === 0 ? 0 : (0.35 + 0.65 * severity) * amount(x, y) * onMetal(finish),
  )
}

function paintChip(site: Site) {
  const { canvas, random, severity, touched } = site
  const edge = edgePoint(site)
  const radius = mix(13, 44, severity * random.between(0.6, 1)) * canvas.scale
  const inward = 0.2 * (radius / canvas.scale)
  const [cx, cy] = framePoint(site, edge.x - edge.nx * inward, edge.y - edge.ny * inward)
  const form = random.below(1 << 30)
  repaint(canvas, touched, windowAround(canvas, cx, cy, radius * 1.3), (x, y, old, finish) => {
    if (finish === 0) return old
    const u = (x - cx) / radius
    const v = (y - cy) / radius
    const q = Math.sqrt(u * u + v * v) + 0.8 * (clouds(form, 5 + u * 2.4, 5 + v * 2.4) - 0.5)
    if (q > 1) return old
    const rough = clouds(form + 5, x * 0.16, y * 0.16)
    const facet = 620 + 2300 * rough * rough + 500 * (u * -LAMP[0] + v * -LAMP[1])
    const gone = 330 + 160 * rough
    const broken = mix(facet, gone, smooth(0.66, 0.54, q))
    return mix(old, broken, smooth(1, 0.92, q) * onMetal(finish))
  })
}

/** A crack wanders in short straight steps, thins out, and forks. */
function paintCrack(site: Site) {
  const { random, severity } = site
  const fromEdge = random.next() < 0.6
  const edge = edgePoint(site)
  const [fx, fy] = facePoint(site, 40)
  const start: [number, number] = fromEdge ? [edge.x + edge.nx * 2, edge.y + edge.ny * 2] : [fx, fy]
  const heading: [number, number] = fromEdge ? [-edge.nx, -edge.ny] : unit(random.between(0, 6.283))
  const length = mix(75, 300, severity * random.between(0.6, 1))
  const width = mix(0.9, 2, severity * random.between(0.6, 1))
  const main = wander(site, start, heading, length)
  paintCrackLine(site, main, width)
  const forks = severity > 0.35 ? 1 + random.below(2) : 0
  for (let i = 0; i < forks; i++) {
    const at = main[Math.floor(main.length * random.between(0.3, 0.75))]!
    const side = random.next() < 0.5 ? 0.75 : -0.75
    const c = cos(side)
    const s = sin(side)
    const turned: [number, number] = [heading[0] * c - heading[1] * s, heading[0] * s + heading[1] * c]
    paintCrackLine(site, wander(site, at, turned, length * random.between(0.2, 0.4)), width * 0.7)
  }
}

/** A crack ends where the metal does: it never jumps over a hole. */
function wander(site: Site, start: [number, number], heading: [number, number], length: number) {
  const { random, product } = site
  const points: [number, number][] = [start]
  let [x, y] = start
  let bend = 0
  const base = heading
  for (let gone = 0; gone < length; ) {
    const step = random.between(5, 13)
    bend = bend * 0.75 + random.normal() * 0.42
    const c = cos(bend)
    const s = sin(bend)
    x += (base[0] * c - base[1] * s) * step
    y += (base[0] * s + base[1] * c) * step
    points.push([x, y])
    gone += step
    if (gone > 20 && metalDistance(product, x, y) > 2) break
  }
  return points
}

function paintCrackLine(site: Site, points: [number, number][], unitWidth: number) {
  const { canvas, severity, touched } = site
  const width = unitWidth * canvas.scale
  const depth = mix(0.4, 0.8, severity)
  const stroke = strokeOf(
    canvas,
    points.map(([x, y]) => framePoint(site, x, y)),
    width * 3 + 1.5,
  )
  repaint(canvas, touched, stroke.area, (x, y, old, finish) => {
    const d = stroke.distance(x, y)
    if (d > width * 3 + 1 || finish === 0) return old
    const along = stroke.along(x, y)
    const half = width * (1.05 - 0.75 * along)
    const core = smooth(half + 0.9, Math.max(0, half - 0.6), d) * smooth(1, 0.94, along)
    const lip =
      0.14 * smooth(half + 2.6, half + 0.9, d) * (stroke.side(x, y) > 0 ? 1 : -0.4) * smooth(1, 0.8, along)
    return old * (1 - (depth * core - lip * (1 - core)) * onMetal(finish))
  })
}

/** A fringe of displaced metal beyond an edge: bright ragged slivers with a dark root. */
function paintBurr(site: Site) {
  const { canvas, random, severity, touched, product, pose } = site
  const edge = edgePoint(site)
  const half = mix(20, 75, severity * random.between(0.6, 1))
  const height = mix(4.5, 15, severity * random.between(0.7, 1))
  const form = random.below(1 << 30)
  const [cx, cy] = framePoint(site, edge.x, edge.y)
  const reach = (half + height + 6) * canvas.scale
  repaint(canvas, touched, windowAround(canvas, cx, cy, reach), (fx, fy, old) => {
    const ox = (fx - canvas.width / 2) / canvas.scale - pose.x
    const oy = (fy - canvas.height / 2) / canvas.scale - pose.y
    const x = ox * pose.cos + oy * pose.sin
    const y = -ox * pose.sin + oy * pose.cos
    const away = Math.sqrt((x - edge.x) ** 2 + (y - edge.y) ** 2)
    if (away > half) return old
    const d = metalDistance(product, x, y)
    const along = (x - edge.x) * -edge.ny + (y - edge.y) * edge.nx
    const spikes = clouds(form, along * 0.16, 7.5)
    const crest = height * smooth(half, half * 0.55, away) * clamp(0.15 + 1.5 * (spikes - 0.25), 0.1, 1.2)
    if (d < -4 || d > crest + 1) return old
    if (d < 0) return old * (1 - 0.4 * smooth(-4, -1, d) * smooth(half, half * 0.8, away))
    const glitter = clouds(form + 3, x * 0.45, y * 0.45)
    const metal = 900 + 2700 * glitter * glitter + 500 * smooth(crest * 0.4, crest, d)
    return mix(old, metal, smooth(crest + 0.8, crest - 0.8, d))
  })
}

function paintRust(site: Site) {
  const { canvas, random, severity, touched } = site
  const radius = mix(24, 85, severity * random.between(0.6, 1)) * canvas.scale
  const [px, py] = facePoint(site, 18)
  const [cx, cy] = framePoint(site, px, py)
  const form = random.below(1 << 30)
  const fineness = 0.19 / canvas.scale
  const area = windowAround(canvas, cx, cy, radius * 1.15)
  const amount = (x: number, y: number) => {
    const u = (x - cx) / radius
    const v = (y - cy) / radius
    const fall = smooth(1.1, 0.15, Math.sqrt(u * u + v * v))
    const specks = clouds(form, x * fineness, y * fineness)
    const level = mix(0.72, 0.42, fall * (0.55 + 0.45 * severity))
    return fall === 0 ? 0 : smooth(level, level + 0.1, specks) * Math.sqrt(fall) + 0.12 * fall * fall
  }
  repaint(canvas, touched, area, (x, y, old, finish) =>
    finish === 0 ? old : old * (1 - mix(0.3, 0.55, severity) * amount(x, y) * onMetal(finish)),
  )
  tint(canvas, touched, area, [0.3, -0.12, -0.5], (x, y, finish) =>
    finish === 0 ? 0 : amount(x, y) * onMetal(finish),
  )
}

function unit(turn: number): [number, number] {
  return [cos(turn), sin(turn)]
}
