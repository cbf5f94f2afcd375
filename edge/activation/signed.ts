import * as v from "valibot"
import { openEnvelope } from "#contract/dsse"
import { Desired, type Envelope, Manifest, payloadTypes, type TrustedKeys } from "#contract/release"

/** Signed by the pinned key, but not a document this program understands. */
export class SchemaMismatch extends Error {
  readonly code = "schema"
}

/** The hub's wish, proven by the hub key pinned at enrolment. Throws `Problem` (signature) or `SchemaMismatch`. */
export function openDesired(envelope: Envelope, keys: TrustedKeys): Desired {
  return read(Desired, openEnvelope(envelope, payloadTypes.desired, keys.hub))
}

/** What the release key vouches for. Throws `Problem` (signature) or `SchemaMismatch`. */
export function openManifest(envelope: Envelope, keys: TrustedKeys): Manifest {
  return read(Manifest, openEnvelope(envelope, payloadTypes.manifest, keys.release))
}

function read<S extends v.GenericSchema>(schema: S, payload: Uint8Array): v.InferOutput<S> {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(payload)
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  if (!parsed.success) throw new SchemaMismatch(v.summarize(parsed.issues))
  return parsed.output
}
