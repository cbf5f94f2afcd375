import { useDeskWords } from "../../desk-words.ts"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"

/** Why another program could not be asked or told, in the person's words; what was said stands below. */
export function WhyNot({ error }: { error: string }) {
  const { why } = useDeskWords().connections
  const status = /answered (\d{3})/.exec(error)?.[1]
  const sentence =
    status !== undefined
      ? why.answered(status)
      : /did not answer/.test(error)
        ? why.slow
        : /outbound\.allow/.test(error)
          ? why.notAllowed
          : /cannot be reached|is not known|ECONNREFUSED|ENOTFOUND|EHOSTUNREACH/.test(error)
            ? why.away
            : why.other
  return (
    <>
      <p class="row-error">{sentence}</p>
      <TechnicalDetail text={error} />
    </>
  )
}
