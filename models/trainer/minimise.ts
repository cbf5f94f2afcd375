/** Writes the gradient at `theta` into `gradient` and returns the loss. */
export type Objective = (theta: Float64Array, gradient: Float64Array) => number | Promise<number>

/** Pairs of steps and gradient changes kept. */
const memory = 8

/**
 * Minimises a smooth function from zero by L-BFGS: two-loop recursion (Nocedal and Wright, algorithm 7.4) with
 * Armijo backtracking. Stops early when a step gains nothing.
 */
export async function minimise(
  objective: Objective,
  size: number,
  iterations: number,
): Promise<Float64Array<ArrayBuffer>> {
  let theta = new Float64Array(size)
  let gradient = new Float64Array(size)
  let loss = await objective(theta, gradient)
  const steps: Step[] = []
  for (let iteration = 0; iteration < iterations; iteration++) {
    const direction = descent(gradient, steps)
    const slope = dot(gradient, direction)
    if (slope > -1e-10) break
    let next = theta
    const nextGradient = new Float64Array(size)
    let nextLoss = Number.POSITIVE_INFINITY
    for (let [tries, step] = [0, 1]; tries < 20; tries++, step /= 2) {
      next = theta.map((value, j) => value + step * direction[j]!)
      nextLoss = await objective(next, nextGradient)
      if (nextLoss <= loss + 1e-4 * step * slope) break
    }
    if (!(nextLoss < loss)) break
    const s = next.map((value, j) => value - theta[j]!)
    const y = nextGradient.map((value, j) => value - gradient[j]!)
    const curvature = dot(s, y)
    if (curvature > 1e-12) steps.push({ s, y, rho: 1 / curvature })
    if (steps.length > memory) steps.shift()
    const gained = loss - nextLoss
    theta = next
    gradient = nextGradient
    loss = nextLoss
    if (gained < 1e-6 * Math.abs(loss)) break
  }
  return theta
}

type Step = { s: Float64Array; y: Float64Array; rho: number }

function descent(gradient: Float64Array, steps: readonly Step[]): Float64Array {
  const direction = gradient.map((g) => -g)
  const alphas: number[] = []
  for (const { s, y, rho } of steps.toReversed()) {
    const alpha = rho * dot(s, direction)
    alphas.unshift(alpha)
    addTo(direction, y, -alpha)
  }
  const last = steps.at(-1)
  // Without history the first step is at most one unit long.
  const gain = last
    ? 1 / (last.rho * dot(last.y, last.y))
    : 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)))
  for (let j = 0; j < direction.length; j++) direction[j]! *= gain
  for (const [k, { s, y, rho }] of steps.entries()) addTo(direction, s, alphas[k]! - rho * dot(y, direction))
  return direction
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function addTo(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * source[i]!
}
