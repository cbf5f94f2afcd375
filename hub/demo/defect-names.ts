import type { DefectClass } from "#contract/catalogue"

const known: Record<string, Pick<DefectClass, "names" | "icon" | "severity">> = {
  scratch: { names: { ko: "긁힘", en: "Scratch" }, icon: "scratch", severity: "minor" },
  dent: { names: { ko: "찍힘", en: "Dent" }, icon: "dent", severity: "major" },
  stain: { names: { ko: "얼룩", en: "Stain" }, icon: "stain", severity: "minor" },
  chip: { names: { ko: "깨짐", en: "Chip" }, icon: "chip", severity: "major" },
  crack: { names: { ko: "균열", en: "Crack" }, icon: "crack", severity: "critical" },
  burr: { names: { ko: "버", en: "Burr" }, icon: "burr", severity: "minor" },
  rust: { names: { ko: "녹", en: "Rust" }, icon: "rust", severity: "major" },
  cracked: { names: { ko: "깨짐", en: "Cracked" }, icon: "crack", severity: "major" },
  blowhole: { names: { ko: "기공", en: "Blowhole" }, icon: "dent", severity: "major" },
  break: { names: { ko: "파손", en: "Break" }, icon: "chip", severity: "critical" },
  fray: { names: { ko: "해짐", en: "Fray" }, icon: "burr", severity: "major" },
  uneven: { names: { ko: "불균일", en: "Uneven" }, icon: "stain", severity: "minor" },
}

const colors = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"]

/** A catalogue entry for a kind of the demo; an unlisted kind keeps its own word in both languages. */
export function defectClassOf(key: string): DefectClass {
  const entry = known[key]
  const at = Object.keys(known).indexOf(key)
  return {
    key,
    names: entry?.names ?? { ko: key, en: key },
    icon: entry?.icon ?? "unknown",
    color: colors[(at < 0 ? key.length : at) % colors.length] ?? "c1",
    severity: entry?.severity ?? "major",
    active: true,
  }
}
