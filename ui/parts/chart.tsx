import { useEffect, useRef } from "preact/hooks"
import uPlot from "uplot"

export type Line = {
  name: string
  /** Name of a colour token. */
  token: string
  dash?: number[]
  width?: number
  /** Points only, for rare events. */
  points?: boolean
}
/** A moment worth knowing while reading the lines, seconds since 1970. */
export type Moment = { at: number; text: string }

type Props = {
  /** First column: x; then one column per line. */
  columns: uPlot.AlignedData
  lines: Line[]
  moments?: Moment[]
  height: number
  time: boolean
  /** Whole things are counted: no half ones on the axis. */
  counts?: boolean
  /** What the horizontal axis measures, where it is not the time of day. */
  unit?: string
  locale: string
  label: string
  theme: string
}

/** Over more than this, seconds, the day is told instead of the hour. */
const longestClock = 2 * 86_400

/** Text along a vertical line at each moment, drawn by uPlot's own hooks. */
function drawMoments(moments: Moment[], ink: string, ground: string, font: string) {
  return (plot: uPlot) => {
    const { ctx, bbox } = plot
    ctx.save()
    ctx.font = font
    ctx.textBaseline = "top"
    ctx.textAlign = "left"
    for (const moment of moments) {
      const x = Math.round(plot.valToPos(moment.at, "x", true))
      if (x < bbox.left || x > bbox.left + bbox.width) continue
      ctx.strokeStyle = ink
      ctx.lineWidth = 2 * devicePixelRatio
      ctx.beginPath()
      ctx.moveTo(x, bbox.top)
      ctx.lineTo(x, bbox.top + bbox.height)
      ctx.stroke()
      const width = ctx.measureText(moment.text).width + 12 * devicePixelRatio
      const left = Math.min(x, bbox.left + bbox.width - width)
      ctx.fillStyle = ink
      ctx.fillRect(left, bbox.top, width, 22 * devicePixelRatio)
      ctx.fillStyle = ground
      ctx.fillText(moment.text, left + 6 * devicePixelRatio, bbox.top + 4 * devicePixelRatio)
    }
    ctx.restore()
  }
}

/** Lines over time or steps. Each line differs by dash and width as well as by colour, and is named in the legend. */
export function Chart({
  columns,
  lines,
  moments = [],
  height,
  time,
  counts = false,
  unit,
  locale,
  label,
  theme,
}: Props) {
  const ref = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const key = JSON.stringify([lines, moments, theme, locale, height, time, counts, unit])

  useEffect(() => {
    const place = ref.current
    if (!place) return
    const style = getComputedStyle(place)
    const token = (name: string) => style.getPropertyValue(`--${name}`).trim()
    const font = `600 ${14 * devicePixelRatio}px ${style.fontFamily}`
    const axis = {
      stroke: token("ink-2"),
      font: `500 14px ${style.fontFamily}`,
      grid: { stroke: token("line"), width: 1 },
      ticks: { show: false },
    }
    const [first = 0, last = 0] = [columns[0][0], columns[0].at(-1)]
    const clock = new Intl.DateTimeFormat(
      locale,
      last - first > longestClock
        ? { month: "numeric", day: "numeric" }
        : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    )
    const options: uPlot.Options = {
      width: place.clientWidth,
      height,
      padding: [12, 28, 0, 0],
      cursor: { y: false, points: { size: 9 } },
      legend: { show: false },
      scales: { x: { time }, y: { range: (_, __, max) => [0, Math.max(max * 1.15, 1e-6)] } },
      axes: [
        {
          ...axis,
          ...(unit !== undefined && { label: unit, labelFont: axis.font, labelSize: 24 }),
          ...(time ? { values: (_, at) => at.map((t) => clock.format(t * 1000)) } : {}),
          ...(time &&
            last - first > longestClock && { incrs: [1, 2, 7, 14, 28].map((days) => days * 86_400) }),
        },
        { ...axis, size: 52, ...(counts && { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] }) },
      ],
      series: [
        {},
        ...lines.map(
          (line): uPlot.Series => ({
            label: line.name,
            stroke: token(line.token),
            width: line.points ? 0 : (line.width ?? 2.5),
            ...(line.dash ? { dash: line.dash } : {}),
            ...(line.points
              ? {
                  paths: () => null,
                  points: { show: true, size: 11, fill: token(line.token), stroke: token("panel"), width: 2 },
                }
              : { points: { show: false } }),
          }),
        ),
      ],
      hooks: { draw: [drawMoments(moments, token("ink"), token("panel"), font)] },
    }
    const made = new uPlot(options, columns, place)
    plot.current = made
    const size = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height }))
    size.observe(place)
    return () => {
      size.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [key])

  useEffect(() => {
    plot.current?.setData(columns)
  }, [columns])

  return (
    <figure class="chart" aria-label={label}>
      <figcaption class="chart-legend">
        {lines.map((line) => (
          <span key={line.name} class={`chart-key chart-key-${line.token}`}>
            <svg width="28" height="12" viewBox="0 0 28 12" aria-hidden="true">
              {line.points ? (
                <circle cx="14" cy="6" r="5" fill="currentColor" />
              ) : (
                <path
                  d="M1 6h26"
                  stroke="currentColor"
                  stroke-width="3"
                  stroke-dasharray={line.dash?.join(" ")}
                />
              )}
            </svg>
            <span class="chart-name">{line.name}</span>
          </span>
        ))}
      </figcaption>
      <div ref={ref} class="chart-place" />
    </figure>
  )
}
