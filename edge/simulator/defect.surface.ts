import { repaint, strokeOf, tint, windowAround } from "./canvas.ts"
import { facePoint, framePoint, onMetal, type Site } from "./defect.site.ts"
import { cos, lengthOf, mix, sin, smooth } from "./maths.ts"
import { clouds } from "./random.ts"
import { LAMP } from "./relief.ts"

/** A slightly bent line, bright on one flank and dark on the other, pressed unevenly and thin at both ends. */
export function paintScratch(site: Site) {
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

/** A round hollow without sharp edges. */
export function paintDent(site: Site) {
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
    const glint = smooth(0.22, 0, lengthOf(u + LAMP[0] * 0.42, v + LAMP[1] * 0.42)) * 0.25
    return old + depth * (bowl + lip + glint) * onMetal(finish)
  })
}

/** A dried drop: a film with a darker rim, brown or bluish. */
export function paintStain(site: Site) {
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

/** Brown specks, dense in the middle of a patch and single at its border. */
export function paintRust(site: Site) {
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
    const crust = 0.55 + 0.45 * clouds(form + 7, x * fineness * 1.9, y * fineness * 1.9)
    return fall === 0
      ? 0
      : smooth(level - 0.03, level + 0.16, specks) * Math.sqrt(fall) * crust + 0.16 * fall * fall
  }
  repaint(canvas, touched, area, (x, y, old, finish) =>
    finish === 0 ? old : old * (1 - mix(0.3, 0.55, severity) * amount(x, y) * onMetal(finish)),
  )
  tint(canvas, touched, area, [0.3, -0.12, -0.5], (x, y, finish) =>
    finish === 0 ? 0 : amount(x, y) * onMetal(finish),
  )
}
