import { type InspectionView, takenAt } from "#contract/labelling"
import type { UnsResult } from "#contract/uns"

const segment = /^(?:[^\s/+#{}$]+|\{device\}|\{line\})$/

/** What is wrong with a path of the unified namespace; undefined when nothing is. */
export function faultOfPath(path: string): string | undefined {
  const segments = path.split("/")
  if (segments[0] !== "uns") return "it must begin with uns/, because readers may read nothing else"
  if (!segments.includes("{device}")) return "it must hold {device}, or stations would overwrite each other"
  const wrong = segments.find((text) => !segment.test(text))
  return wrong === undefined ? undefined : `"${wrong}" cannot be a part of a topic`
}

export const topicAt = (path: string, device: string, line: string): string =>
  path.replaceAll("{device}", device).replaceAll("{line}", line)

export function resultOf(view: InspectionView): UnsResult {
  return {
    v: 1,
    id: view.id,
    device: view.device_id,
    ts: takenAt(view),
    received_at: view.received_at,
    part_id: view.part_id,
    product_id: view.product_id,
    verdict: view.verdict,
    findings: view.findings.map(({ kind, score }) => ({ kind, score })),
    model: view.model && { line: view.model.line, release: view.model.release },
    image: view.image?.sha256 ?? null,
    simulated: view.simulated,
  }
}
