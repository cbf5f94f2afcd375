import { useWords } from "../../context.ts"
import { TechnicalDetail } from "../../parts/technical-detail.tsx"

/** Why a training stopped, in the person's words where they are known; what the program said stands below. */
export function WhyFailed({ error }: { error: string }) {
  const { failed } = useWords().training
  const few = /at least (\d+) readable good images/.exec(error)?.[1]
  const sentence =
    few !== undefined
      ? failed.fewGood(Number(few))
      : /interrupted twice/.test(error)
        ? failed.interrupted
        : failed.other
  return (
    <>
      <p class="row-error">{sentence}</p>
      <TechnicalDetail text={error} />
    </>
  )
}
