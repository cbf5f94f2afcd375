import { distance, type Shape, union } from "./shape.ts"

/** The parts the simulated line makes. */
export const productIds = ["bracket", "flange", "plate"] as const
export type ProductId = (typeof productIds)[number]

export interface Cut {
  shape: Shape
  /** Width of the countersink or chamfer around the opening. */
  bevel: number
}

export interface Relief {
  shape: Shape
  /** Width of the sloping wall; +1 is a pocket (the inside lies deeper), −1 a raised pad. */
  bevel: number
  sense: 1 | -1
  /** Brightness of the inside against the face. */
  tone: number
}

export interface Product {
  id: ProductId
  body: readonly Shape[]
  /** Radius that fills inner corners of the joined body; `bounds` trims the swelling it causes elsewhere. */
  fillet: number
  bounds?: Shape
  chamfer: number
  cuts: readonly Cut[]
  reliefs: readonly Relief[]
  /** Grinding lines: straight along `brushTurn` (share of a full turn), or round the origin. */
  finish: "straight" | "turned"
  brushTurn: number
  /** Strength of the grinding lines, 0..255, and brightness of the face, 0..255. */
  brush: number
  tone: number
  /** Gain of red, green, blue: steel is bluish, brass is yellow. */
  tint: readonly [number, number, number]
  /** Where the needle-marked type and serial begin, and the pitch of the dots. */
  marks: { type: string; typeAt: [number, number]; serialAt: [number, number]; pitch: number }
}

const disc = (x: number, y: number, r: number): Shape => ({ form: "disc", x, y, r })
const box = (x: number, y: number, hx: number, hy: number, r: number): Shape => ({
  form: "box",
  x,
  y,
  hx,
  hy,
  r,
})
const slot = (x: number, y: number, dx: number, dy: number, r: number): Shape => ({
  form: "slot",
  x,
  y,
  dx,
  dy,
  r,
})

const bracket: Product = {
  id: "bracket",
  body: [box(-315, -20, 140, 380, 34), box(10, 220, 465, 140, 34)],
  fillet: 130,
  bounds: box(10, -20, 465, 380, 34),
  chamfer: 9,
  cuts: [
    { shape: disc(-315, -310, 34), bevel: 22 },
    { shape: disc(-315, 220, 42), bevel: 24 },
    { shape: disc(395, 150, 27), bevel: 16 },
    { shape: disc(395, 290, 27), bevel: 16 },
    { shape: slot(-315, -95, 0, 85, 26), bevel: 6 },
    { shape: slot(110, 220, 105, 0, 26), bevel: 6 },
  ],
  reliefs: [{ shape: box(-315, -310, 90, 58, 30), bevel: 7, sense: -1, tone: 1.05 }],
  finish: "straight",
  brushTurn: 0.012,
  brush: 90,
  tone: 138,
  tint: [0.97, 1, 1.03],
  marks: { type: "BR-20", typeAt: [-130, 120], serialAt: [-130, 290], pitch: 5 },
}

const bolts = [
  [290, 0],
  [145, 251],
  [-145, 251],
  [-290, 0],
  [-145, -251],
  [145, -251],
] as const

const flange: Product = {
  id: "flange",
  body: [disc(0, 0, 410)],
  fillet: 0,
  chamfer: 12,
  cuts: [
    { shape: disc(0, 0, 128), bevel: 14 },
    { shape: box(0, -128, 20, 26, 4), bevel: 4 },
    ...bolts.map(([x, y]) => ({ shape: disc(x, y, 36), bevel: 13 })),
  ],
  reliefs: [
    { shape: disc(0, 0, 212), bevel: 9, sense: -1, tone: 1.08 },
    { shape: disc(0, 0, 368), bevel: 4, sense: -1, tone: 1 },
  ],
  finish: "turned",
  brushTurn: 0,
  brush: 80,
  tone: 128,
  tint: [1.01, 1, 0.985],
  marks: { type: "FL-80", typeAt: [-68, -318], serialAt: [-72, 288], pitch: 4.5 },
}

const plate: Product = {
  id: "plate",
  body: [box(0, 0, 500, 345, 40)],
  fillet: 0,
  chamfer: 10,
  cuts: [
    { shape: box(150, -35, 165, 125, 26), bevel: 8 },
    ...(
      [
        [-435, -280],
        [435, -280],
        [-435, 280],
        [435, 280],
      ] as const
    ).map(([x, y]) => ({ shape: disc(x, y, 28), bevel: 17 })),
    { shape: slot(-255, 205, 95, 0, 22), bevel: 6 },
    { shape: disc(150, 225, 22), bevel: 6 },
    { shape: disc(255, 225, 22), bevel: 6 },
  ],
  reliefs: [{ shape: disc(-245, -70, 118), bevel: 10, sense: 1, tone: 0.9 }],
  finish: "straight",
  brushTurn: 0.244,
  brush: 72,
  tone: 150,
  tint: [1.05, 1.0, 0.9],
  marks: { type: "PL-35", typeAt: [-60, -300], serialAt: [-60, 165], pitch: 4.5 },
}

/** Geometry and surface of a product. */
export function productOf(id: ProductId): Product {
  return { bracket, flange, plate }[id]
}

/** Signed distance to the outline of the metal, holes included: negative on metal. */
export function metalDistance(product: Product, x: number, y: number): number {
  let metal = bodyDistance(product, x, y)
  for (const cut of product.cuts) metal = Math.max(metal, -distance(cut.shape, x, y))
  return metal
}

export function bodyDistance(product: Product, x: number, y: number): number {
  let body = distance(product.body[0]!, x, y)
  for (let i = 1; i < product.body.length; i++) {
    body = union(body, distance(product.body[i]!, x, y), product.fillet)
  }
  return product.bounds ? Math.max(body, distance(product.bounds, x, y)) : body
}
