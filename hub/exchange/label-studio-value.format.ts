/** What the values of Label Studio's results are told by. */
export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Types of results that carry labels. */
export const labelKeys = /^(rectangle|ellipse|polygon|keypoint|brush|bitmask|vector)?labels$/

/** Whether a value says where it lies. */
export const hasGeometry = (value: Record<string, unknown>) =>
  ["x", "points", "vertices", "rle", "imageDataURL"].some((key) => key in value)
