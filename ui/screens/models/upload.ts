import * as v from "valibot"
import { ProblemBody } from "#contract/problem"
import type { Trouble } from "../../api.ts"

/**
 * Sends a file and says how much of it has gone: `fetch` does not tell, and a model may take a minute. Rejects with a
 * `Trouble`.
 */
export function upload<T>(
  path: string,
  file: Blob,
  schema: v.GenericSchema<unknown, T>,
  { onShare, signal }: { onShare: (share: number) => void; signal: AbortSignal },
): Promise<T> {
  return new Promise<T>((resolve, reject: (trouble: Trouble) => void) => {
    const request = new XMLHttpRequest()
    const give = (code: Trouble["code"], key: string) => reject({ code, key, params: {} })
    request.open("POST", path)
    request.responseType = "json"
    request.setRequestHeader("Accept", "application/json")
    request.setRequestHeader("Content-Type", "application/octet-stream")
    request.upload.onprogress = ({ loaded, total }) => onShare(total > 0 ? loaded / total : 0)
    request.onerror = () => give("network", "network")
    request.onabort = () => give("network", "stopped")
    request.onload = () => {
      const answer: unknown = request.response
      if (request.status < 300) {
        const parsed = v.safeParse(schema, answer)
        return parsed.success ? resolve(parsed.output) : give("answer", "answer")
      }
      const problem = v.safeParse(ProblemBody, answer)
      if (!problem.success) return give(request.status >= 500 ? "unavailable" : "answer", "http")
      const { code, key, params, request_id } = problem.output
      reject({ code, key, params, requestId: request_id })
    }
    signal.addEventListener("abort", () => request.abort())
    request.send(file)
  })
}
