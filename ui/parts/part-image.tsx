import type { Box } from "#contract/inspection"
import { useWords } from "../context.ts"

/** A picture of a part with what was found on it. Boxes are in pixels of the original, whatever size is shown. */
export function PartImage({
  src,
  w,
  h,
  boxes = [],
  alt,
}: {
  src: string
  w: number
  h: number
  boxes?: { name: string; box: Box }[]
  alt: string
}) {
  const words = useWords()
  return (
    <figure class="part-image">
      <img src={src} width={w} height={h} alt={alt} />
      {boxes.length > 0 && (
        <svg viewBox={`0 0 ${w} ${h}`} role="img" aria-label={words.common.and(boxes.map((b) => b.name))}>
          {boxes.map(({ name, box: [x, y, bw, bh] }) => (
            <g key={`${name}${x}${y}`}>
              <rect
                x={x}
                y={y}
                width={bw}
                height={bh}
                class="part-box-under"
                vector-effect="non-scaling-stroke"
              />
              <rect x={x} y={y} width={bw} height={bh} class="part-box" vector-effect="non-scaling-stroke" />
            </g>
          ))}
        </svg>
      )}
    </figure>
  )
}
