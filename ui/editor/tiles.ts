import type { Box, Size } from "./geometry.ts"
import type { Picture, Piece } from "./picture.ts"

/** Side of a tile in its own pixels. At level n one of them stands for 2ⁿ × 2ⁿ pixels of the image. As the hub cuts them. */
export const tileSide = 512
/** Decoded tiles that are kept: 96 MB of them, some three screens full. */
const mostKept = 96
/** Tiles asked for at one time: the network brings what is looked at now before what was looked at before. */
const atOnce = 6

type Place = { readonly level: number; readonly x: number; readonly y: number }
type Tile = { picture?: ImageBitmap; used: number; failed?: boolean }

const keyOf = ({ level, x, y }: Place) => `${level}/${x}/${y}`

/** The tiles that a place of the image needs at a scale, from its middle outwards. */
export function tilesFor(size: Size, [x, y, w, h]: Box, scale: number): Place[] {
  const most = Math.max(0, Math.ceil(Math.log2(Math.max(size.w, size.h) / tileSide)))
  const level = Math.min(most, Math.max(0, Math.floor(-Math.log2(Math.min(1, scale)))))
  const side = tileSide * 2 ** level
  const [columns, rows] = [Math.ceil(size.w / side), Math.ceil(size.h / side)]
  const from = (at: number) => Math.max(0, Math.floor(at / side))
  const to = (at: number, count: number) => Math.min(count - 1, Math.floor(at / side))
  const tiles: Place[] = []
  for (let ty = from(y); ty <= to(y + h, rows); ty++)
    for (let tx = from(x); tx <= to(x + w, columns); tx++) tiles.push({ level, x: tx, y: ty })
  const far = (tile: Place) =>
    Math.hypot((tile.x + 0.5) * side - x - w / 2, (tile.y + 0.5) * side - y - h / 2)
  return tiles.sort((a, b) => far(a) - far(b))
}

/** Where on the image a tile lies; those at the right and lower edge are cut. */
export function placeOf(size: Size, { level, x, y }: Place): Box {
  const side = tileSide * 2 ** level
  return [x * side, y * side, Math.min(side, size.w - x * side), Math.min(side, size.h - y * side)]
}

/** A picture of which only what is looked at comes, over a coarse one that is always there. */
export function tiledPicture(
  size: Size,
  ground: ImageBitmap,
  load: (level: number, x: number, y: number) => Promise<ImageBitmap>,
): Picture {
  const tiles = new Map<string, Tile>()
  const listeners = new Set<() => void>()
  let wanted: Place[] = []
  let running = 0
  let tick = 0
  let closed = false

  function fetchMore(): void {
    while (running < atOnce && !closed) {
      const next = wanted.find((place) => !tiles.has(keyOf(place)))
      if (!next) return
      const tile: Tile = { used: tick }
      tiles.set(keyOf(next), tile)
      running += 1
      load(next.level, next.x, next.y)
        .then((picture) => {
          if (closed) picture.close()
          else tile.picture = picture
        })
        .catch((error: unknown) => {
          // The coarse picture stays; asked for again the next time this place is looked at.
          console.warn("tile", error)
          tile.failed = true
        })
        .finally(() => {
          running -= 1
          if (closed) return
          for (const listener of listeners) listener()
          fetchMore()
        })
    }
  }

  function forget(): void {
    const kept = [...tiles].filter(([, tile]) => tile.picture)
    kept.sort(([, a], [, b]) => a.used - b.used)
    for (const [key, tile] of kept.slice(0, Math.max(0, kept.length - mostKept))) {
      tile.picture?.close()
      tiles.delete(key)
    }
    for (const [key, tile] of tiles) if (tile.failed && tile.used < tick) tiles.delete(key)
  }

  return {
    size,
    pieces(box, scale) {
      const pieces: Piece[] = [{ source: ground, to: [0, 0, size.w, size.h] }]
      if (closed) return []
      tick += 1
      // The ground is as good as it gets when it has as many pixels as the screen shows.
      if (scale * Math.max(size.w, size.h) > Math.max(ground.width, ground.height)) {
        wanted = tilesFor(size, box, scale)
        for (const place of wanted) {
          const tile = tiles.get(keyOf(place))
          if (!tile) continue
          if (!tile.failed) tile.used = tick
          if (tile.picture) pieces.push({ source: tile.picture, to: placeOf(size, place) })
        }
        fetchMore()
        forget()
      }
      return pieces
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close() {
      closed = true
      ground.close()
      for (const { picture } of tiles.values()) picture?.close()
      tiles.clear()
    },
  }
}
