/**
 * Per-patch linear head: softmax over {OK, kind 1, kind 2, …} on standardised patch features. Linear, so it
 * becomes a 1x1 convolution in the model.
 */
export type Head = {
  /** [classes, dim], row-major, on raw features (standardisation folded in). */
  weight: Float32Array
  bias: Float32Array
  classes: number
  dim: number
}

export type HeadSample = {
  /** Raw patch features [count, dim]. */
  rows: Float32Array
  labels: Int32Array
  /** Importance of each row; the sum is free. */
  weights: Float32Array
  count: number
  dim: number
  classes: number
}

export type HeadOptions = { l2: number; iterations: number }

/**
 * Weighted softmax regression, full batch, L-BFGS (memory 8, backtracking). Deterministic: no sampling, fixed
 * order of sums. Convex, so the starting point does not matter.
 */
export function fitHead(
  sample: HeadSample,
  scale: { mean: Float32Array; std: Float32Array },
  { l2, iterations }: HeadOptions,
): Head {
  const { count, dim, classes } = sample
  const x = new Float32Array(count * dim)
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < dim; d++)
      x[i * dim + d] = (sample.rows[i * dim + d]! - scale.mean[d]!) / scale.std[d]!
  }
  const total = sample.weights.reduce((sum, w) => sum + w, 0)
  const size = classes * (dim + 1)
  const biasAt = classes * dim
  const logits = new Float64Array(classes)
  const row = new Float32Array(dim)

  const lossAndGradient = (theta: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0)
    let loss = 0
    for (let i = 0; i < count; i++) {
      const share = sample.weights[i]! / total
      for (let d = 0; d < dim; d++) row[d] = x[i * dim + d]!
      let top = Number.NEGATIVE_INFINITY
      for (let c = 0; c < classes; c++) {
        let sum = theta[biasAt + c]!
        const base = c * dim
        for (let d = 0; d < dim; d++) sum += theta[base + d]! * row[d]!
        logits[c] = sum
        if (sum > top) top = sum
      }
      let partition = 0
      for (let c = 0; c < classes; c++) partition += Math.exp(logits[c]! - top)
      const label = sample.labels[i]!
      loss += share * (Math.log(partition) + top - logits[label]!)
      for (let c = 0; c < classes; c++) {
        const g = share * (Math.exp(logits[c]! - top) / partition - (c === label ? 1 : 0))
        gradient[biasAt + c]! += g
        const base = c * dim
        for (let d = 0; d < dim; d++) gradient[base + d]! += g * row[d]!
      }
    }
    for (let j = 0; j < biasAt; j++) {
      loss += 0.5 * l2 * theta[j]! ** 2
      gradient[j]! += l2 * theta[j]!
    }
    return loss
  }

  const theta = minimise(lossAndGradient, size, iterations)
  const weight = new Float32Array(biasAt)
  const bias = new Float32Array(classes)
  for (let c = 0; c < classes; c++) {
    let offset = theta[biasAt + c]!
    for (let d = 0; d < dim; d++) {
      const w = theta[c * dim + d]! / scale.std[d]!
      weight[c * dim + d] = w
      offset -= w * scale.mean[d]!
    }
    bias[c] = offset
  }
  return { weight, bias, classes, dim }
}

/** NG logit of every patch, logsumexp of the kinds minus OK: above zero the head sees a defect. [rows] */
export function ngLogits({ weight, bias, classes, dim }: Head, features: Float32Array): Float32Array {
  const count = features.length / dim
  const out = new Float32Array(count)
  const logits = new Float64Array(classes)
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < classes; c++) {
      let sum = bias[c]!
      for (let d = 0; d < dim; d++) sum += weight[c * dim + d]! * features[i * dim + d]!
      logits[c] = sum
    }
    let top = Number.NEGATIVE_INFINITY
    for (let c = 1; c < classes; c++) top = Math.max(top, logits[c]!)
    let partition = 0
    for (let c = 1; c < classes; c++) partition += Math.exp(logits[c]! - top)
    out[i] = top + Math.log(partition) - logits[0]!
  }
  return out
}

type Objective = (theta: Float64Array, gradient: Float64Array) => number

/** L-BFGS with two-loop recursion and Armijo backtracking, from zero. */
export function minimise(objective: Objective, size: number, iterations: number): Float64Array<ArrayBuffer> {
  const memory = 8
  let theta = new Float64Array(size)
  let gradient = new Float64Array(size)
  let loss = objective(theta, gradient)
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = []
  for (let iteration = 0; iteration < iterations; iteration++) {
    const direction = gradient.map((g) => -g)
    const alphas: number[] = []
    for (const { s, y, rho } of steps.toReversed()) {
      const alpha = rho * dot(s, direction)
      alphas.push(alpha)
      addTo(direction, y, -alpha)
    }
    const last = steps.at(-1)
    const gain = last
      ? 1 / (last.rho * dot(last.y, last.y))
      : 1 / Math.max(1, Math.sqrt(dot(gradient, gradient)))
    for (let j = 0; j < size; j++) direction[j]! *= gain
    for (const [k, { s, y, rho }] of steps.entries()) {
      addTo(direction, s, alphas[steps.length - 1 - k]! - rho * dot(y, direction))
    }
    const slope = dot(gradient, direction)
    if (slope > -1e-10) break
    let step = 1
    let nextTheta = theta
    const nextGradient = new Float64Array(size)
    let nextLoss = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 20; tries++, step /= 2) {
      nextTheta = theta.map((value, j) => value + step * direction[j]!)
      nextLoss = objective(nextTheta, nextGradient)
      if (nextLoss <= loss + 1e-4 * step * slope) break
    }
    if (!(nextLoss < loss)) break
    const s = nextTheta.map((value, j) => value - theta[j]!)
    const y = nextGradient.map((value, j) => value - gradient[j]!)
    const curvature = dot(s, y)
    if (curvature > 1e-12) steps.push({ s, y, rho: 1 / curvature })
    if (steps.length > memory) steps.shift()
    const gained = loss - nextLoss
    theta = nextTheta
    gradient = nextGradient
    loss = nextLoss
    if (gained < 1e-7 * Math.abs(loss)) break
  }
  return theta
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function addTo(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * source[i]!
}
