import type { ComponentChildren } from "preact"
import type { Resource } from "../resource.ts"
import { TroubleNote, Wait } from "./states.tsx"

/** The three faces of a resource: waiting, failed, there. A failed refresh shows above the old data. */
export function Loaded<T>({
  resource,
  children,
}: {
  resource: Resource<T>
  children: (data: T) => ComponentChildren
}) {
  const data = resource.data.value
  const trouble = resource.trouble.value
  if (data === undefined)
    return trouble ? <TroubleNote trouble={trouble} retry={resource.reload} /> : <Wait />
  return (
    <>
      {trouble && <TroubleNote trouble={trouble} retry={resource.reload} />}
      {children(data)}
    </>
  )
}
