import { repaint, strokeOf, windowAround } from "./canvas.ts"
import { edgePoint, facePoint, framePoint, onMetal, type Site, unit } from "./defect.site.ts"
import { clamp, cos, lengthOf, mix, sin, smooth } from "./maths.ts"
import { metalDistance } from "./product.ts"
import { clouds } from "./random.ts"
import { LAMP } from "./relief.ts"

/** A piece broken out of a rim: rough fracture facets around a gap through which the tray shows. */
export function paintChip(site: Site) {
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
export function paintCrack(site: Site) {
  const { random, severity } = site
  const fromEdge = random.next() < 0.6
  const edge = edgePoint(site)
  const [fx, fy] = facePoint(site, 40)
  const start: [number, number] = fromEdge ? [edge.x + edge.nx * 2, edge.y + edge.ny * 2] : [fx, fy]
  const heading: [number, number] = fromEdge ? [-edge.nx, -edge.ny] : unit(random.between(0, 6.283))
  const length = mix(75, 300, severity * random.between(0.6, 1))
  const width = mix(1.15, 2.7, severity * random.between(0.6, 1))
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
export function paintBurr(site: Site) {
  const { canvas, random, severity, touched, product, pose } = site
  const edge = edgePoint(site)
  const half = mix(24, 80, severity * random.between(0.6, 1))
  const height = mix(6, 20, severity * random.between(0.7, 1))
  const form = random.below(1 << 30)
  const [cx, cy] = framePoint(site, edge.x, edge.y)
  const reach = (half + height + 6) * canvas.scale
  repaint(canvas, touched, windowAround(canvas, cx, cy, reach), (fx, fy, old) => {
    const ox = (fx - canvas.width / 2) / canvas.scale - pose.x
    const oy = (fy - canvas.height / 2) / canvas.scale - pose.y
    const x = ox * pose.cos + oy * pose.sin
    const y = -ox * pose.sin + oy * pose.cos
    const away = lengthOf(x - edge.x, y - edge.y)
    if (away > half) return old
    const d = metalDistance(product, x, y)
    const along = (x - edge.x) * -edge.ny + (y - edge.y) * edge.nx
    const spikes = clouds(form, along * 0.16, 7.5)
    const crest = height * smooth(half, half * 0.55, away) * clamp(0.15 + 1.5 * (spikes - 0.25), 0.1, 1.2)
    if (d < -4 || d > crest + 1) return old
    if (d < 0) return old * (1 - 0.4 * smooth(-4, -1, d) * smooth(half, half * 0.8, away))
    const glitter = clouds(form + 3, x * 0.45, y * 0.45)
    const metal = 1250 + 2700 * glitter * glitter + 600 * smooth(crest * 0.4, crest, d)
    return mix(old, metal, smooth(crest + 0.8, crest - 0.8, d))
  })
}
