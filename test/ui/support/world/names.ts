import { createHash } from "node:crypto"

export const minute = 60_000
export const hour = 60 * minute
export const digestOf = (name: string) => createHash("sha256").update(name).digest("hex")

export const kindNames: Record<string, [string, string]> = {
  scratch: ["긁힘", "Scratch"],
  dent: ["찍힘", "Dent"],
  stain: ["얼룩", "Stain"],
  chip: ["깨짐", "Chip"],
  crack: ["균열", "Crack"],
  burr: ["버", "Burr"],
  rust: ["녹", "Rust"],
}

export const stations = [
  ["line1-cam", "1라인 카메라"],
  ["line2-cam", "2라인 카메라"],
  ["line3-top", "3라인 윗면"],
  ["line3-side", "3라인 옆면"],
] as const
