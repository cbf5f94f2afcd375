const width = 160
const height = 18
const edge = 6

/** A figure on its scale with its interval and the limits it is judged by; decoration beside the number itself. */
export function IntervalBar({
  value,
  low,
  high,
  limits,
  from,
  to,
}: {
  value: number | null
  low: number | null
  high: number | null
  limits: readonly number[]
  from: number
  to: number
}) {
  const x = (at: number) =>
    edge + ((Math.min(to, Math.max(from, at)) - from) / (to - from)) * (width - 2 * edge)
  const middle = height / 2
  return (
    <svg class="msa-bar" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <line class="msa-bar-scale" x1={edge} x2={width - edge} y1={middle} y2={middle} />
      {limits.map((limit) => (
        <line key={limit} class="msa-bar-limit" x1={x(limit)} x2={x(limit)} y1={1} y2={height - 1} />
      ))}
      {low !== null && high !== null && (
        <line class="msa-bar-range" x1={x(low)} x2={x(high)} y1={middle} y2={middle} />
      )}
      {value !== null && <circle class="msa-bar-point" cx={x(value)} cy={middle} r={5} />}
    </svg>
  )
}
