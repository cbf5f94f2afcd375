/** A message of a camera, whichever way it came. */
export type Message = {
  readonly via: "mqtt" | "http" | "folder"
  /** Topic or file name, for people. */
  readonly topic: string
  readonly bytes: Uint8Array
  /** Media type, where the way has one. */
  readonly type: string
  /** What came beside the payload: `$topic`, `$file`, `$form`, `$query`. */
  readonly beside: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Data that came beside a picture: a sidecar file, or the fields of a form. */
  readonly data?: Uint8Array | undefined
  /** A name of this shot that the way itself gives: an Idempotency-Key, or the identity of a file. */
  readonly key?: string | undefined
  /** An MQTT message the broker was asked to keep: cameras send it again at each start. */
  readonly retained?: boolean | undefined
  /** When it came, if that was before now. */
  readonly at?: number | undefined
  /** MQTT says that this may be a repeat (DUP). */
  readonly again?: boolean | undefined
}
